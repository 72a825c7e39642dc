import { randomBytes } from 'node:crypto';
import type { Pause } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import { pauseStatus } from '../base/allowed-rate.ts';
import type { CancelReason, RunFailure, RunState, RunStatus } from '../base/status.ts';
import { FailureList } from './failure-list.ts';
import { RecentRate } from './recent-rate.ts';
import { mayBeCancelled, moved } from './run-state.ts';
import type { EndState } from './run-state.ts';

/** How far a kind of files is. Sizes in bytes. */
export interface RunPhase {
  /** So many more files, of so many bytes, belong to it. */
  expect(files: number, bytes: number): void;
  /** So many bytes were dealt with, perhaps in the middle of a file; so many of them had to be moved. */
  read(bytes: number, moved?: number): void;
  /** One more file is dealt with, or so many; their bytes were given to `read`. */
  fileDone(files?: number): void;
}

/** Who hears of runs: what metrics and events are made of. Must not throw. */
export interface RunObserver {
  begun(run: RunRecord): void;
  failed(run: RunRecord, failure: RunFailure): void;
  ended(run: RunRecord): void;
}

/** Hears nothing. */
export const nobody: RunObserver = { begun: () => {}, failed: () => {}, ended: () => {} };

export interface RunOptions {
  /** What its id begins with, before the time. */
  readonly prefix: string;
  /** null: it concerns more than one, or none. */
  readonly subscription: string | null;
  readonly kind: string;
  readonly clock: Clock;
  readonly observer: RunObserver;
  /** Whether background work may begin nothing now; absent: it always may. */
  readonly pause?: () => Pause | null;
}

interface Counts {
  done: number;
  total: number;
  bytes: number;
  totalBytes: number;
}

/** Phases of what is fetched ahead. */
const backgroundPhases: ReadonlySet<string> = new Set(['packages', 'carry-over']);

const reasons: Readonly<Record<CancelReason, string>> = {
  requested: 'the run was called off',
  stopping: 'the service is stopping',
  interrupted: 'the service ended in the midst of it',
  superseded: 'the hub wants something else by now',
};

/** One run, such as a sync: what it has done so far, and in the end what it did. */
export class RunRecord {
  readonly id: string;
  readonly kind: string;
  readonly subscription: string | null;
  readonly #clock: Clock;
  readonly #observer: RunObserver;
  readonly #pause: () => Pause | null;
  readonly #cancelling = new AbortController();
  readonly #ended = Promise.withResolvers<RunStatus>();
  readonly #phases = new Map<string, Counts>();
  readonly #failures = new FailureList();
  #state: RunState = 'planned';
  #reason: CancelReason | null = null;
  #hasBegun = false;
  #started: number;
  #begun: number;
  #finished: number | null = null;
  #lasted = 0;
  #moved = 0;
  /** Bytes that had to be moved, and bytes that were dealt with, be it by a look. */
  #movedRate: RecentRate;
  #dealtRate: RecentRate;

  constructor(options: RunOptions) {
    this.kind = options.kind;
    this.subscription = options.subscription;
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#pause = options.pause ?? (() => null);
    this.#started = options.clock.now();
    this.#begun = options.clock.monotonic();
    this.#movedRate = new RecentRate(this.#begun);
    this.#dealtRate = new RecentRate(this.#begun);
    const time = new Date(this.#started).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    this.id = `${options.prefix}${time}-${randomBytes(4).toString('hex')}`;
  }

  /** Resolves with its last status. */
  get ended(): Promise<RunStatus> {
    return this.#ended.promise;
  }

  get state(): RunState {
    return this.#state;
  }

  get finished(): boolean {
    return this.#finished !== null;
  }

  /** false: it still waits for its turn, or was called off while it did. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Aborts when it is called off; whoever does the work ends it then. */
  get cancelled(): AbortSignal {
    return this.#cancelling.signal;
  }

  /**
   * Calls it off, if it is not too late for that.
   * @returns whether it will end as `cancelled`.
   */
  cancel(reason: CancelReason): boolean {
    if (!mayBeCancelled[this.#state]) return false;
    this.#reason ??= reason;
    this.#cancelling.abort(new WaystationError('cancelled', reasons[this.#reason]));
    return true;
  }

  begin(): void {
    this.#state = moved(this.#state, 'running');
    this.#hasBegun = true;
    this.#started = this.#clock.now();
    this.#begun = this.#clock.monotonic();
    this.#movedRate = new RecentRate(this.#begun);
    this.#dealtRate = new RecentRate(this.#begun);
    this.#observer.begun(this);
  }

  publishing(): void {
    this.#state = moved(this.#state, 'publishing');
  }

  /** @param reason why it was cancelled, unless `cancel` said so. */
  end(state: EndState, reason: CancelReason | null = null): void {
    this.#state = moved(this.#state, state);
    this.#reason = state === 'cancelled' ? (this.#reason ?? reason) : null;
    this.#finished = this.#clock.now();
    this.#lasted = this.#clock.monotonic() - this.#begun;
    this.#ended.resolve(this.status());
    this.#observer.ended(this);
  }

  /** The phase of this name, made at its first mention; phases are shown in that order. */
  phase(name: string): RunPhase {
    const counts = this.#phases.get(name) ?? { done: 0, total: 0, bytes: 0, totalBytes: 0 };
    this.#phases.set(name, counts);
    return {
      expect: (files, bytes) => {
        counts.total += files;
        counts.totalBytes += bytes;
      },
      read: (bytes, moving = bytes) => {
        counts.bytes += bytes;
        this.#moved += moving;
        const now = this.#clock.monotonic();
        this.#dealtRate.add(bytes, now);
        this.#movedRate.add(moving, now);
      },
      fileDone: (files = 1) => {
        counts.done += files;
      },
    };
  }

  failed(failure: RunFailure): void {
    this.#failures.add(failure);
    this.#observer.failed(this, failure);
  }

  /** It became known when what failed below this path is tried again. RFC 3339. */
  retriedAt(below: string, nextTry: string): void {
    this.#failures.retriedAt(below, nextTry);
  }

  get failures(): Pick<FailureList, 'count' | 'unhealed' | 'named'> {
    return this.#failures;
  }

  /** As it stands now; with every failure that is kept by name. */
  status(): RunStatus {
    const phases = [...this.#phases].map(([name, counts]) => ({ name, ...counts }));
    return {
      id: this.id,
      subscription: this.subscription,
      kind: this.kind,
      state: this.#state,
      reason: this.finished ? this.#reason : null,
      started: new Date(this.#started).toISOString(),
      finished: this.#finished === null ? null : new Date(this.#finished).toISOString(),
      phases,
      ...this.#pace(phases),
      // By what was dealt with of late nothing can be said of what waits.
      ...this.#paused(phases),
      failureCount: this.#failures.count,
      healedCount: this.#failures.count - this.#failures.unhealed,
      failures: [...this.#failures.named],
    };
  }

  #paused(phases: RunStatus['phases']): Partial<Pick<RunStatus, 'secondsLeft' | 'paused'>> {
    const wants = phases.some(({ name, done, total }) => backgroundPhases.has(name) && done < total);
    const paused = this.#state === 'running' && wants ? pauseStatus(this.#pause()) : null;
    return paused === null ? {} : { secondsLeft: null, paused };
  }

  /** Of the last 30 s while it runs; in the end the mean of all. */
  #pace(phases: readonly Counts[]): Pick<RunStatus, 'rate' | 'secondsLeft'> {
    if (this.#state === 'planned') return { rate: null, secondsLeft: null };
    if (this.finished) {
      return { rate: this.#lasted > 0 ? Math.round(this.#moved / (this.#lasted / 1000)) : null, secondsLeft: 0 };
    }
    const now = this.#clock.monotonic();
    const moving = this.#movedRate.perSecond(now);
    const dealt = this.#dealtRate.perSecond(now);
    const left = phases.reduce((sum, phase) => sum + Math.max(0, phase.totalBytes - phase.bytes), 0);
    return {
      rate: moving === null ? null : Math.round(moving),
      secondsLeft: dealt === null || dealt === 0 || left === 0 ? null : Math.ceil(left / dealt),
    };
  }
}
