import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { RunStatus } from '../../base/status.ts';
import { interruptedRuns, notedRuns, noteUnderWay, withFailures } from '../../runs/interrupted.ts';
import type { RunObserver, RunOptions } from '../../runs/run-record.ts';
import { nobody } from '../../runs/run-record.ts';
import type { EndState } from '../../runs/run-state.ts';
import type { Notes } from '../notes.ts';
import { UpkeepRun } from './upkeep-run.ts';

/** Ended runs that are remembered, also over a restart. */
const kept = 20;
/** Failures that outlive the process: of the last run, and of each before it. */
const notedFailures = { last: 1_000, earlier: 100 };
const noteKey = 'upkeep-runs';
const underWayKey = 'upkeep-runs/under-way';

interface UpkeepNote {
  readonly format: 1;
  /** Newest first. */
  readonly runs: readonly RunStatus[];
}

export interface UpkeepRunsOptions {
  readonly notes: Notes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer?: RunObserver;
  /** Whether background work may begin nothing now. */
  readonly pause?: NonNullable<RunOptions['pause']>;
}

/** What a run is. */
export interface UpkeepWhat {
  /** Its word in `/api/v1/syncs`. */
  readonly kind: string;
  /** null: it concerns more than one. */
  readonly subscription: string | null;
  /** Runs of one lane go one after the other; default: those of its kind. */
  readonly lane?: string;
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
  readonly #observer: RunObserver;
  readonly #pause: NonNullable<RunOptions['pause']>;
  readonly #closing = new AbortController();
  /** Lane → the end of the last run in it. */
  readonly #lanes = new Map<string, Promise<void>>();
  #active: readonly UpkeepRun[] = [];
  #ended: readonly RunStatus[];

  /** Knows the runs of earlier processes, also those that were under way when one was killed. */
  static async open(options: UpkeepRunsOptions): Promise<UpkeepRuns> {
    const { notes } = options;
    const note = (await notes.get(noteKey)) as UpkeepNote | null;
    const ended = note?.format === 1 ? notedRuns(note.runs) : [];
    const interrupted = await interruptedRuns(notes, underWayKey, ended);
    return new UpkeepRuns(options, [...interrupted, ...ended].slice(0, kept));
  }

  private constructor(options: UpkeepRunsOptions, ended: readonly RunStatus[]) {
    this.#notes = options.notes;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#observer = options.observer ?? nobody;
    this.#pause = options.pause ?? (() => null);
    this.#ended = ended;
  }

  /**
   * Begins a run, at once or when those of its kind before it have ended.
   * @throws WaystationError `draining` after `close`.
   */
  start(what: UpkeepWhat, work: UpkeepWork): UpkeepRun {
    if (this.#closing.signal.aborted) throw new WaystationError('draining', 'the service is stopping');
    const run = new UpkeepRun({ ...what, clock: this.#clock, observer: this.#observer, pause: this.#pause });
    this.#active = [run, ...this.#active];
    this.#noteUnderWay();
    const { lane = what.kind } = what;
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    this.#lanes.set(
      lane,
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

  /**
   * Calls one off; resolves once it has ended for that.
   * @returns false: it had ended. @throws WaystationError `not_found`
   */
  async cancel(id: string): Promise<boolean> {
    const run = this.#active.find((active) => active.id === id);
    if (run === undefined) {
      if (this.find(id) === null) throw new WaystationError('not_found', `no run ${id}`);
      return false;
    }
    if (!run.cancel('requested')) return false;
    // One that waits for others of its kind need not wait for its end.
    if (run.state === 'planned') await this.#end(run, 'cancelled');
    await run.ended;
    return true;
  }

  /** Calls off what is under way or waits, and resolves when it has ended and is noted. Before the store is closed. */
  async close(): Promise<void> {
    this.#closing.abort(new WaystationError('cancelled', 'the service is stopping'));
    await Promise.all(this.#lanes.values());
  }

  /** Those that are under way or wait, newest first. */
  get active(): readonly UpkeepRun[] {
    return this.#active;
  }

  async #run(run: UpkeepRun, work: UpkeepWork): Promise<void> {
    if (run.finished) return;
    const signal = AbortSignal.any([this.#closing.signal, run.cancelled]);
    try {
      signal.throwIfAborted();
      run.begin();
      this.#noteUnderWay();
      await work(run, signal);
    } catch (thrown) {
      const { code, message, source } = asWaystationError(thrown);
      if (!signal.aborted) run.failed({ path: '', code, reason: message, attempts: 1, nextTry: null });
      if (source === 'internal' && !signal.aborted) this.#log.error({ err: thrown, run: run.id }, 'a run broke');
    }
    await this.#end(run, signal.aborted ? 'cancelled' : run.failures.unhealed > 0 ? 'failed' : 'done');
  }

  async #end(run: UpkeepRun, state: EndState): Promise<void> {
    run.end(state, 'stopping');
    this.#active = this.#active.filter((active) => active !== run);
    const earlier = this.#ended.map((ended) => withFailures(ended, notedFailures.earlier));
    this.#ended = [run.status(), ...earlier].slice(0, kept);
    const runs = this.#ended.map((ended) => withFailures(ended, notedFailures.last));
    const note: UpkeepNote = { format: 1, runs };
    await this.#notes.put(noteKey, note);
  }

  /** Writes down how far they are, for the process that may follow a kill. */
  noteProgress(): void {
    if (this.#active.length > 0) this.#noteUnderWay();
  }

  /** The disk may refuse a note; the run goes on. */
  #noteUnderWay(): void {
    const runs = this.#active.map((run) => run.status());
    void noteUnderWay(this.#notes, underWayKey, this.#clock.now(), runs).catch(() => {});
  }
}
