import type { RunStatus } from '../base/status.ts';

/** Small facts that outlive the process, where the disk lets them. */
interface Notes {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
}

interface UnderWayNote {
  readonly format: 1;
  /** RFC 3339: when it was written. */
  readonly at: string;
  readonly runs: readonly RunStatus[];
}

/** Failures that such a note names of each run. */
const named = 100;

/** Writes down which runs are under way or wait, so that a process that follows a kill knows of them. */
export async function noteUnderWay(notes: Notes, key: string, now: number, runs: readonly RunStatus[]): Promise<void> {
  const note: UnderWayNote = {
    format: 1,
    at: new Date(now).toISOString(),
    runs: runs.map((run) => withFailures(run, named)),
  };
  await notes.put(key, note);
}

/**
 * The runs of an earlier process that never ended, as ended: they were interrupted, at the last moment that is known.
 * @param ended the runs that are known to have ended.
 */
export async function interruptedRuns(notes: Notes, key: string, ended: readonly RunStatus[]): Promise<RunStatus[]> {
  const note = (await notes.get(key)) as UnderWayNote | null;
  // Only this version's own note is understood; any other is as good as lost.
  if (note?.format !== 1) return [];
  const known = new Set(ended.map(({ id }) => id));
  return note.runs
    .filter(({ id }) => !known.has(id))
    .map((run) => ({
      ...run,
      state: run.state === 'planned' ? 'cancelled' : 'failed',
      reason: 'interrupted',
      finished: note.at,
      rate: null,
      secondsLeft: 0,
    }));
}

/** Runs as a note has them: one of an earlier version says less. */
export function notedRuns(runs: readonly RunStatus[]): RunStatus[] {
  return runs.map((run) => {
    const healed = run.failures.filter((failure) => failure.healed === true).length;
    const { reason = null, failureCount = run.failures.length, healedCount = healed } = run as Partial<RunStatus>;
    return { ...run, reason, failureCount, healedCount };
  });
}

/** The same run with at most so many of its failures by name. */
export function withFailures(run: RunStatus, most: number): RunStatus {
  return run.failures.length <= most ? run : { ...run, failures: run.failures.slice(0, most) };
}
