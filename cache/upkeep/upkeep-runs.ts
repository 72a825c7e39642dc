import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { RunStatus } from '../../base/status.ts';
import type { Notes } from '../notes.ts';
import { UpkeepRun } from './upkeep-run.ts';

/** Ended runs that are remembered, also over a restart. */
const kept = 20;
const noteKey = 'upkeep-runs';

interface UpkeepNote {
  readonly format: 1;
  /** Newest first. */
  readonly runs: readonly RunStatus[];
}

/** What a run does: reports into `run`, and throws only what stops it as a whole, or the signal's reason. */
export type UpkeepWork = (run: UpkeepRun, signal: AbortSignal) => Promise<void>;

/**
 * The runs that are no syncs: those under way, and the last ones that ended. Runs of one kind go one after the other,
 * in the order in which they were asked for: each reads much of the disk.
 */
export class UpkeepRuns {
  readonly #notes: Notes;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  /** Kind → the end of the last run of it. */
  readonly #lanes = new Map<string, Promise<void>>();
  #active: readonly UpkeepRun[] = [];
  #ended: readonly RunStatus[];

  /** Knows the runs of earlier processes. */
  static async open(options: { notes: Notes; clock: Clock; log: Logger }): Promise<UpkeepRuns> {
    const note = (await options.notes.get(noteKey)) as UpkeepNote | null;
    return new UpkeepRuns(options, note?.format === 1 ? note.runs : []);
  }

  private constructor(options: { notes: Notes; clock: Clock; log: Logger }, ended: readonly RunStatus[]) {
    this.#notes = options.notes;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#ended = ended;
  }

  /**
   * Begins a run, at once or when those of its kind before it have ended.
   * @param what `kind` is its word in `/api/v1/syncs`; `subscription` is null when it concerns more than one.
   * @throws WaystationError `draining` after `close`.
   */
  start(what: { readonly kind: string; readonly subscription: string | null }, work: UpkeepWork): UpkeepRun {
    if (this.#closing.signal.aborted) throw new WaystationError('draining', 'the service is stopping');
    const run = new UpkeepRun({ ...what, clock: this.#clock });
    this.#active = [run, ...this.#active];
    const before = this.#lanes.get(what.kind) ?? Promise.resolve();
    this.#lanes.set(
      what.kind,
      before.then(() => this.#run(run, work)),
    );
    return run;
  }

  /** Newest first, those under way included. */
  list(): readonly RunStatus[] {
    return [...this.#active.map((run) => run.status()), ...this.#ended];
  }

  find(id: string): RunStatus | null {
    return this.list().find((run) => run.id === id) ?? null;
  }

  /**
   * Resolves with the run once it has ended.
   * @throws WaystationError `not_found`; the signal's reason.
   */
  async wait(id: string, signal?: AbortSignal): Promise<RunStatus> {
    const run = this.#active.find((active) => active.id === id);
    if (run === undefined) {
      const ended = this.find(id);
      if (ended === null) throw new WaystationError('not_found', `no run ${id}`);
      return ended;
    }
    if (signal === undefined) return run.ended;
    signal.throwIfAborted();
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    return Promise.race([run.ended, gone.promise]).finally(() => signal.removeEventListener('abort', leave));
  }

  /** Calls off what is under way or waits, and resolves when it has ended and is noted. Before the store is closed. */
  async close(): Promise<void> {
    this.#closing.abort(new WaystationError('cancelled', 'the service is stopping'));
    await Promise.all(this.#lanes.values());
  }

  async #run(run: UpkeepRun, work: UpkeepWork): Promise<void> {
    const { signal } = this.#closing;
    run.begin();
    try {
      signal.throwIfAborted();
      await work(run, signal);
    } catch (thrown) {
      const { code, message, source } = asWaystationError(thrown);
      if (!signal.aborted) run.failed({ path: '', code, reason: message, attempts: 1, nextTry: null });
      if (source === 'internal' && !signal.aborted) this.#log.error({ err: thrown, run: run.id }, 'a run broke');
    }
    run.end(signal.aborted);
    this.#active = this.#active.filter((active) => active !== run);
    this.#ended = [run.status(), ...this.#ended].slice(0, kept);
    const note: UpkeepNote = { format: 1, runs: this.#ended };
    await this.#notes.put(noteKey, note);
  }
}
