import type { Meter } from '../base/metrics.ts';
import type { RunObserver } from './run-record.ts';

const kinds = ['on-demand', 'full', 'newest', 'verify', 'import', 'plan', 'ready', 'carry-over'] as const;
const results = ['done', 'failed', 'cancelled'] as const;

/** `waystation_runs_*` and `waystation_run_failed_paths_total`, by kind: `newest` for every `newest:N`. */
export function measureRuns(meter: Meter): RunObserver {
  const started = meter.counter('runs_started_total', 'Runs (syncs, verifications, imports) that began', ['kind']);
  const finished = meter.counter('runs_finished_total', 'Runs that ended, by how', ['kind', 'result']);
  const failedPaths = meter.counter('run_failed_paths_total', 'Paths that failed in runs, each once a run', ['kind']);
  const running = new Map<string, number>(kinds.map((kind) => [kind, 0]));
  meter
    .gauge('runs_running', 'Runs that are under way', ['kind'])
    .collect(() => [...running].map(([kind, count]) => [{ kind }, count]));
  // rate() would miss the first event of a series that appears with it.
  for (const kind of kinds) {
    started.inc({ kind }, 0);
    failedPaths.inc({ kind }, 0);
    for (const result of results) finished.inc({ kind, result }, 0);
  }
  return {
    begun: ({ kind }) => {
      started.inc({ kind: label(kind) });
      running.set(label(kind), (running.get(label(kind)) ?? 0) + 1);
    },
    failed: ({ kind }) => failedPaths.inc({ kind: label(kind) }),
    ended: ({ kind, state, hasBegun }) => {
      finished.inc({ kind: label(kind), result: state });
      if (hasBegun) running.set(label(kind), (running.get(label(kind)) ?? 1) - 1);
    },
  };
}

function label(kind: string): string {
  return kind.startsWith('newest:') ? 'newest' : kind;
}
