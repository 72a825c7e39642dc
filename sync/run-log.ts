import { WaystationError } from '../base/errors.ts';
import type { RunStatus } from '../base/status.ts';
import { withFailures } from '../runs/interrupted.ts';
import { Run } from './run.ts';

const kept = 20;
/** Failures that are kept of the runs before the last one. */
const earlierFailures = 100;
/** Failures of the last run that outlive the process. */
const notedFailures = 1_000;

/** The last runs of a subscription, those under way included. */
export class RunLog {
  #runs: (Run | RunStatus)[];
  /** Runs that nobody asked for and that published nothing. */
  readonly #dull = new Set<string>();

  /** @param earlier what `finished` gave in an earlier life, newest first. */
  constructor(earlier: readonly RunStatus[]) {
    this.#runs = [...earlier];
  }

  add(run: Run): void {
    this.#runs.unshift(run);
  }

  /**
   * A run has ended. One that nobody asked for, published nothing and says the same as such a one before it takes that
   * one's place: polls and retries do not push out what happened.
   */
  ended(run: Run, published: boolean): void {
    const now = run.status();
    this.#runs = this.#runs.map((entry) => {
      if (entry === run) return now;
      return entry instanceof Run ? entry : withFailures(entry, earlierFailures);
    });
    if (!run.requested && !published) {
      const at = this.#runs.findIndex(({ id }) => id === run.id);
      const before = this.#runs[at + 1];
      if (before !== undefined && this.#dull.delete(before.id) && sameStory(statusOf(before), now)) {
        this.#runs = this.#runs.toSpliced(at + 1, 1);
      }
      this.#dull.add(run.id);
    }
    this.#runs = this.#runs.filter((entry, index) => index < kept || entry instanceof Run);
  }

  list(): readonly RunStatus[] {
    return this.#runs.map(statusOf);
  }

  /** Those that are under way or wait, newest first. */
  get active(): readonly Run[] {
    return this.#runs.filter((entry): entry is Run => entry instanceof Run && !entry.finished);
  }

  /** The last that ended, null while none has. */
  get last(): RunStatus | null {
    const run = this.#runs.find((entry) => (entry instanceof Run ? entry.finished : entry.finished !== null));
    return run === undefined ? null : statusOf(run);
  }

  /** What outlives the process. */
  get finished(): readonly RunStatus[] {
    return this.list()
      .filter(({ finished }) => finished !== null)
      .map((run) => withFailures(run, notedFailures));
  }

  find(id: string): Run | RunStatus | null {
    return this.#runs.find((run) => run.id === id) ?? null;
  }

  /** @throws WaystationError `not_found`; whatever the signal's reason is. */
  async wait(id: string, signal?: AbortSignal): Promise<RunStatus> {
    const run = this.find(id);
    if (run === null) throw new WaystationError('not_found', `no run ${id}`);
    if (!(run instanceof Run)) return run;
    if (signal === undefined) return run.ended;
    signal.throwIfAborted();
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    return Promise.race([run.ended, gone.promise]).finally(() => signal.removeEventListener('abort', leave));
  }
}

function statusOf(run: Run | RunStatus): RunStatus {
  return run instanceof Run ? run.status() : run;
}

function sameStory(before: RunStatus, after: RunStatus): boolean {
  const story = (run: RunStatus): string =>
    JSON.stringify([run.state, run.failureCount, run.failures.map(({ path, code, reason }) => [path, code, reason])]);
  return story(before) === story(after);
}
