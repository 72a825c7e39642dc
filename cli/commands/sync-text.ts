import type { RunFailure, RunStatus } from '../../base/status.ts';
import { bytesText, spanText } from '../../gateway/page/figures.ts';
import { pauseText } from '../../gateway/page/pause-text.ts';
import { runProgress } from '../../runs/run-progress.ts';
import { plainText } from '../terminal.ts';

/** What a run concerns, as the beginning of a line. */
export function runName({ subscription, kind }: Pick<RunStatus, 'subscription' | 'kind'>): string {
  return plainText(subscription ?? kind);
}

/** Whether everything that the policy needs was had: the run is done, and nothing failed. */
export function isComplete(run: RunStatus): boolean {
  return run.state === 'done' && run.failureCount === 0;
}

/** What a run fetches, in words that tell the policies apart at a glance; empty for what is no sync. */
export function kindText({ kind, phases }: Pick<RunStatus, 'kind' | 'phases'>): string {
  const packages = phases.find(({ name, total }) => name === 'packages' && total > 0);
  const count = packages === undefined ? '' : `: ${numberText(packages.done)}/${numberText(packages.total)} packages`;
  if (kind === 'full') return `full${count}`;
  if (kind.startsWith('newest:')) return `newest ${kind.slice('newest:'.length)} of each package${count}`;
  if (kind !== 'on-demand') return '';
  return packages === undefined ? 'metadata only; packages on demand' : `on demand, ahead where overridden${count}`;
}

/**
 * Where a run stands: `corp: running: packages 40 of 99, 1000 B/3.9 KiB, 1.2 MiB/s, 3 s left (full: …)`; once ended, how it
 * ended.
 */
export function progressLine(run: RunStatus): string {
  const { state, started, finished } = run;
  const what = kindText(run);
  const kind = what === '' ? '' : ` (${what})`;
  if (finished !== null) {
    const why = state === 'cancelled' && run.reason !== null ? ` (${run.reason})` : '';
    const lasted = spanText(Date.parse(finished) - Date.parse(started));
    return `${runName(run)}: ${state}${why} in ${lasted}${failedText(run)}${kind}`;
  }
  return `${[`${runName(run)}: ${state}`, figures(run)].filter(Boolean).join(': ')}${kind}`;
}

const barWidth = 24;

/** A line with a bar for each phase that is not done yet; one without when none is known. */
export function barLines(run: RunStatus): string[] {
  const open = run.phases.filter(({ name, done, total }) => total > 0 && done < total && name !== 'repositories');
  const what = kindText(run);
  if (open.length === 0) return [progressLine(run)];
  return open.map((phase, index) => {
    const { percent } = runProgress({ phases: [phase] });
    const filled = Math.round(((percent ?? 0) / 100) * barWidth);
    const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${String(percent ?? 0).padStart(3)} %`;
    const last = index === open.length - 1;
    const { paused: _paused, ...going } = run;
    const rest = last
      ? figures({ ...run, phases: [phase] })
      : figures({ ...going, phases: [phase], rate: null, secondsLeft: null });
    return `${runName(run)} ${bar} ${rest}${last && what !== '' ? ` (${what})` : ''}`;
  });
}

function figures(run: RunStatus): string {
  const { phase, done, total } = runProgress(run);
  if (phase === null) return '';
  const of = run.phases.find(({ name }) => name === phase);
  const bytes = of === undefined || of.totalBytes === 0 ? '' : `, ${bytesText(of.bytes)}/${bytesText(of.totalBytes)}`;
  const rate = run.rate === null ? '' : `, ${bytesText(run.rate)}/s`;
  const left = run.secondsLeft === null ? '' : `, ${spanText(run.secondsLeft * 1000)} left`;
  const waits = run.paused === undefined ? '' : `, ${pauseText(run.paused)}`;
  return `${plainText(phase)} ${numberText(done)}/${numberText(total)}${bytes}${rate}${left}${waits}${failedText(run)}`;
}

function failedText({ failureCount, healedCount }: RunStatus): string {
  const count = failureCount - healedCount;
  return count === 0 ? '' : `, ${numberText(count)} failed`;
}

/** A line for a failed path. */
export function failureLine(run: RunStatus, { path, code, reason, attempts, nextTry }: RunFailure): string {
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const next = nextTry === null ? '' : `, next try at ${nextTry}`;
  return `${runName(run)}: ${plainText(path)}: ${code}: ${plainText(reason)} (${tries}${next})`;
}

/** A line for each failed path that is known by name, and how many more there are. */
export function failureLines(run: RunStatus): string[] {
  const more = run.failureCount - run.failures.length;
  const lines = run.failures.map((failure) => failureLine(run, failure));
  if (more > 0) lines.push(`${runName(run)}: ${numberText(more)} more failed, and are not named`);
  if (run.failureCount === 0 && !isComplete(run)) lines.push(`${runName(run)}: the sync ended as ${endText(run)}`);
  return lines;
}

function endText({ state, reason }: RunStatus): string {
  return reason === null ? state : `${state} (${reason})`;
}

/** `4,031`: with a comma between thousands, as lines of a terminal have it. */
function numberText(count: number): string {
  return count.toLocaleString('en-US');
}
