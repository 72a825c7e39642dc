import { WaystationError } from '../base/errors.ts';
import type { RunStatus } from '../base/status.ts';
import type { Run } from './run.ts';

const kept = 20;

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
    this.#runs = this.#runs.map((entry) => (entry === run ? now : entry));
    if (!run.requested && !published) {
      const at = this.#runs.findIndex(({ id }) => id === run.id);
      const before = this.#runs[at + 1];
      if (before !== undefined && this.#dull.delete(before.id) && sameStory(statusOf(before), now)) {
        this.#runs = this.#runs.toSpliced(at + 1, 1);
      }
      this.#dull.add(run.id);
    }
    this.#runs = this.#runs.filter((entry, index) => index < kept || 'ended' in entry);
  }

  list(): readonly RunStatus[] {
    return this.#runs.map(statusOf);
  }

  get finished(): readonly RunStatus[] {
    return this.list().filter(({ finished }) => finished !== null);
  }

  find(id: string): Run | RunStatus | null {
    return this.#runs.find((run) => run.id === id) ?? null;
  }

  /** @throws WaystationError `not_found`; whatever the signal's reason is. */
  async wait(id: string, signal?: AbortSignal): Promise<RunStatus> {
    const run = this.find(id);
    if (run === null) throw new WaystationError('not_found', `no run ${id}`);
    if (!('ended' in run)) return run;
    if (signal === undefined) return run.ended;
    signal.throwIfAborted();
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    return Promise.race([run.ended, gone.promise]).finally(() => signal.removeEventListener('abort', leave));
  }
}

function statusOf(run: Run | RunStatus): RunStatus {
  return 'ended' in run ? run.status() : run;
}

function sameStory(before: RunStatus, after: RunStatus): boolean {
  const story = (run: RunStatus): string =>
    JSON.stringify([run.state, run.failures.map(({ path, code, reason }) => [path, code, reason])]);
  return story(before) === story(after);
}
