import type { Clock } from '../base/clock.ts';
import type { ServiceEvent } from '../gateway/admin/service-events.ts';
import { runSummary } from '../gateway/admin/service-events.ts';
import type { RunStatus } from '../base/status.ts';
import { barLines, progressLine } from './commands/sync-text.ts';
import type { LiveLines } from './live-lines.ts';
import type { RunWatcher } from './run-following.ts';

/** Milliseconds between two lines about a run in which nothing but figures changed. */
const lineEvery = 10_000;

/** Plain lines: one for each step of a run, else one every 10 s; those of several runs mingle. */
export function runLines(clock: Clock, out: (line: string) => void): RunWatcher {
  const last = new Map<string, { readonly step: string; readonly line: string; readonly at: number }>();
  return (run) => {
    const line = progressLine(run);
    const step = `${run.state} ${run.phases.findLast(({ total }) => total > 0)?.name ?? ''}`;
    const before = last.get(run.id);
    const at = clock.monotonic();
    if (before !== undefined && (before.line === line || (before.step === step && at - before.at < lineEvery))) return;
    last.set(run.id, { step, line, at });
    out(line);
  };
}

/** A terminal: a bar for each run and phase, written over; how a run ended stays. */
export function runBars(live: LiveLines): RunWatcher {
  const shown = new Map<string, readonly string[]>();
  return (run) => {
    if (run.finished === null) shown.set(run.id, barLines(run));
    else {
      shown.delete(run.id);
      live.above(progressLine(run));
    }
    live.show([...shown.values()].flat());
  };
}

/** JSON: one event a line, named as those of `/api/v1/events`. */
export function runEvents(clock: Clock, out: (line: string) => void): RunWatcher {
  const started = new Set<string>();
  const tell = (event: ServiceEvent): void => out(JSON.stringify(event));
  const at = (): string => new Date(clock.now()).toISOString();
  const summary = (run: RunStatus): { readonly run: ReturnType<typeof runSummary> } => ({ run: runSummary(run) });
  return (run, failures) => {
    if (!started.has(run.id)) tell({ event: 'run-started', at: at(), ...summary(run) });
    else if (run.finished === null) tell({ event: 'run-progress', at: at(), ...summary(run) });
    started.add(run.id);
    for (const failure of failures)
      tell({ event: 'run-failure', at: at(), run: run.id, subscription: run.subscription, failure });
    if (run.finished !== null) tell({ event: 'run-finished', at: at(), ...summary(run) });
  };
}
