import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { RunFailure, RunState, RunStatus } from '../base/status.ts';
import type { ReadProgress } from '../mirror/progress.ts';
import { basicTime } from './generation-document.ts';

/** How far a kind of files is. Sizes in bytes. */
interface Phase {
  done: number;
  total: number;
  bytes: number;
  totalBytes: number;
}

/** One run of a subscription: what it has done so far, and in the end what it did. */
export class Run {
  readonly id: string;
  /** Whether somebody asked for it: then nothing that was seen before it began counts as proof. */
  readonly requested: boolean;
  readonly #subscription: string;
  readonly #kind: string;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<RunStatus>();
  readonly #failures = new Map<string, RunFailure>();
  #state: RunState = 'planned';
  #started: number;
  #begun: number;
  #finished: number | null = null;
  #lasted = 0;
  #repositories = { done: 0, total: 0 };
  readonly #files: Phase = { done: 0, total: 0, bytes: 0, totalBytes: 0 };
  readonly #packages: Phase = { done: 0, total: 0, bytes: 0, totalBytes: 0 };
  #fetched = 0;

  constructor(options: { subscription: string; kind: string; requested: boolean; clock: Clock }) {
    this.#subscription = options.subscription;
    this.#kind = options.kind;
    this.requested = options.requested;
    this.#clock = options.clock;
    this.#started = options.clock.now();
    this.#begun = options.clock.monotonic();
    this.id = `${basicTime(this.#started)}-${randomBytes(4).toString('hex')}`;
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

  begin(): void {
    this.#state = 'running';
    this.#started = this.#clock.now();
    this.#begun = this.#clock.monotonic();
  }

  expect(repositories: number): void {
    this.#repositories.total += repositories;
  }

  repositoryDone(): void {
    this.#repositories.done += 1;
  }

  /** Where a repository's reader reports its files. */
  readonly progress = this.#progressOf(() => this.#files);
  /** Where packages that a policy wants are reported. */
  readonly packages = this.#progressOf(() => this.#packages);

  #progressOf(phase: () => Phase): ReadProgress {
    return {
      expected: (files, bytes) => {
        phase().total += files;
        phase().totalBytes += bytes;
      },
      done: (bytes, fetched) => {
        phase().done += 1;
        phase().bytes += bytes;
        if (fetched) this.#fetched += bytes;
      },
    };
  }

  failed(failure: RunFailure): void {
    this.#failures.set(failure.path, failure);
  }

  publishing(): void {
    this.#state = 'publishing';
  }

  end(state: 'done' | 'failed' | 'cancelled'): void {
    this.#state = state;
    this.#finished = this.#clock.now();
    this.#lasted = this.#clock.monotonic() - this.#begun;
    this.#ended.resolve(this.status());
  }

  get failures(): readonly RunFailure[] {
    return [...this.#failures.values()];
  }

  status(): RunStatus {
    const seconds = (this.#finished === null ? this.#clock.monotonic() - this.#begun : this.#lasted) / 1000;
    const rate = seconds > 0 ? Math.round(this.#fetched / seconds) : 0;
    const left = this.#files.totalBytes - this.#files.bytes + this.#packages.totalBytes - this.#packages.bytes;
    return {
      id: this.id,
      subscription: this.#subscription,
      kind: this.#kind,
      state: this.#state,
      started: new Date(this.#started).toISOString(),
      finished: this.#finished === null ? null : new Date(this.#finished).toISOString(),
      phases: [
        { name: 'repositories', ...this.#repositories, bytes: 0, totalBytes: 0 },
        { name: 'metadata', ...this.#files },
        ...(this.#packages.total > 0 ? [{ name: 'packages', ...this.#packages }] : []),
      ],
      rate,
      secondsLeft: this.#finished !== null ? 0 : rate > 0 ? Math.ceil(left / rate) : null,
      failures: this.failures,
    };
  }
}
