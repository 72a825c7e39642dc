import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { SubscriptionPlan } from '../../base/plan.ts';
import type { ImportReport, RunFailure, RunState, RunStatus } from '../../base/status.ts';

/** Failures that are named; the others are counted. */
const mostNamed = 1_000;

/** How far a kind of files is. Sizes in bytes. */
export interface UpkeepPhase {
  /** So many more files, of so many bytes, belong to it. */
  expect(files: number, bytes: number): void;
  /** So many bytes were dealt with, perhaps in the middle of a file. */
  read(bytes: number): void;
  /** One more file is dealt with; its bytes were given to `read`. */
  fileDone(): void;
}

interface Counts {
  done: number;
  total: number;
  bytes: number;
  totalBytes: number;
}

/** One run that is no sync (a verification, an import): what it has done so far, and in the end what it did. */
export class UpkeepRun {
  readonly id: string;
  readonly #kind: string;
  readonly #subscription: string | null;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<RunStatus>();
  readonly #phases = new Map<string, Counts>();
  readonly #failures: RunFailure[] = [];
  #report: Pick<RunStatus, 'import' | 'plans'> = {};
  #unnamed = 0;
  #unhealed = 0;
  #state: RunState = 'planned';
  #started: number;
  #begun: number;
  #finished: number | null = null;
  #lasted = 0;

  /** @param options `subscription` is null when the run concerns more than one, or none. */
  constructor(options: { kind: string; subscription: string | null; clock: Clock }) {
    this.#kind = options.kind;
    this.#subscription = options.subscription;
    this.#clock = options.clock;
    this.#started = options.clock.now();
    this.#begun = options.clock.monotonic();
    const time = new Date(this.#started).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    this.id = `${options.kind}-${time}-${randomBytes(4).toString('hex')}`;
  }

  /** Resolves with its last status. */
  get ended(): Promise<RunStatus> {
    return this.#ended.promise;
  }

  begin(): void {
    this.#state = 'running';
    this.#started = this.#clock.now();
    this.#begun = this.#clock.monotonic();
  }

  /** The phase of this name, made at its first mention; phases are shown in that order. */
  phase(name: string): UpkeepPhase {
    const counts = this.#phases.get(name) ?? { done: 0, total: 0, bytes: 0, totalBytes: 0 };
    this.#phases.set(name, counts);
    return {
      expect: (files, bytes) => {
        counts.total += files;
        counts.totalBytes += bytes;
      },
      read: (bytes) => {
        counts.bytes += bytes;
      },
      fileDone: () => {
        counts.done += 1;
      },
    };
  }

  failed(failure: RunFailure): void {
    if (failure.healed !== true) this.#unhealed += 1;
    if (this.#failures.length < mostNamed) this.#failures.push(failure);
    else this.#unnamed += 1;
  }

  /** What an import found and did. */
  imported(report: ImportReport): void {
    this.#report = { import: report };
  }

  /** What syncs would do. */
  planned(plans: readonly SubscriptionPlan[]): void {
    this.#report = { plans };
  }

  /** Ends it: `cancelled`, else `failed` when anything is wrong that was not healed. */
  end(cancelled: boolean): void {
    this.#state = cancelled ? 'cancelled' : this.#unhealed > 0 ? 'failed' : 'done';
    this.#finished = this.#clock.now();
    this.#lasted = this.#clock.monotonic() - this.#begun;
    this.#ended.resolve(this.status());
  }

  status(): RunStatus {
    const seconds = (this.#finished === null ? this.#clock.monotonic() - this.#begun : this.#lasted) / 1000;
    const phases = [...this.#phases].map(([name, counts]) => ({ name, ...counts }));
    const bytes = phases.reduce((sum, phase) => sum + phase.bytes, 0);
    const left = phases.reduce((sum, phase) => sum + Math.max(0, phase.totalBytes - phase.bytes), 0);
    const rate = this.#state !== 'planned' && seconds > 0 ? Math.round(bytes / seconds) : 0;
    return {
      id: this.id,
      subscription: this.#subscription,
      kind: this.#kind,
      state: this.#state,
      started: new Date(this.#started).toISOString(),
      finished: this.#finished === null ? null : new Date(this.#finished).toISOString(),
      phases,
      rate,
      secondsLeft: this.#finished !== null ? 0 : rate > 0 ? Math.ceil(left / rate) : null,
      failures: [...this.#failures, ...this.#more()],
      ...this.#report,
    };
  }

  #more(): RunFailure[] {
    const last = this.#failures.at(-1);
    if (this.#unnamed === 0 || last === undefined) return [];
    return [{ ...last, path: `(${this.#unnamed} more)`, reason: 'not named: there are too many' }];
  }
}
