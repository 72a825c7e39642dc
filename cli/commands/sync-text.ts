import type { RunStatus } from '../../base/status.ts';
import { bytesText, spanText } from '../../gateway/page/figures.ts';
import { plainText } from '../terminal.ts';

/** What a run concerns, as the beginning of a line. */
export function runName({ subscription, kind }: RunStatus): string {
  return plainText(subscription ?? kind);
}

/** Whether everything that the policy needs was had: the run is done, and nothing failed. */
export function isComplete(run: RunStatus): boolean {
  return run.state === 'done' && run.failures.length === 0;
}

/** Where a run stands: `corp: running: metadata 1/4, 1000 B/3.9 KiB, 3 s left`; once ended, how it ended. */
export function progressLine(run: RunStatus): string {
  const { state, started, finished, failures, secondsLeft } = run;
  const name = runName(run);
  if (finished !== null) {
    const count = failures.filter(({ healed = false }) => !healed).length;
    const failed = count === 0 ? '' : `, ${count} failed`;
    return `${name}: ${state} in ${spanText(Date.parse(finished) - Date.parse(started))}${failed}`;
  }
  const phase = run.phases.findLast(({ done, total }) => done > 0 || total > 0);
  if (!phase) return `${name}: ${state}`;
  const bytes = phase.totalBytes === 0 ? '' : `, ${bytesText(phase.bytes)}/${bytesText(phase.totalBytes)}`;
  const left = secondsLeft === null ? '' : `, ${spanText(secondsLeft * 1000)} left`;
  return `${name}: ${state}: ${plainText(phase.name)} ${phase.done}/${phase.total}${bytes}${left}`;
}

/** A line for each failed path; one for a run that ended badly without naming any. */
export function failureLines(run: RunStatus): string[] {
  const name = runName(run);
  if (run.failures.length === 0) return isComplete(run) ? [] : [`${name}: the sync ended as ${run.state}`];
  return run.failures.map(
    ({ path, code, reason, attempts }) =>
      `${name}: ${plainText(path)}: ${code}: ${plainText(reason)} (${attempts} ${attempts === 1 ? 'attempt' : 'attempts'})`,
  );
}
