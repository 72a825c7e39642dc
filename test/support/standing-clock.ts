import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still until the test moves it: at once, for code that does real input and output between its
 * sleeps, or step by step. Wall clock and monotonic time move together.
 */
export class StandingClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();
  readonly #start: number;
  #elapsed = 0;

  constructor(start = Date.parse('2026-11-23T10:15:00Z')) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const leave = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const sleeper = { until: this.#elapsed + milliseconds, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', leave, { once: true });
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** Moves on by so many milliseconds; who sleeps until then or earlier wakes, the earliest first. */
  advance(milliseconds: number): void {
    this.#elapsed += milliseconds;
    const due = [...this.#sleepers].filter(({ until }) => until <= this.#elapsed);
    for (const { wake } of due.toSorted((one, other) => one.until - other.until)) wake();
  }

  /** The same step by step: after each who wakes everything else happens first, so that it may go to sleep on the way. */
  async step(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    for (;;) {
      await setImmediate();
      const next = Math.min(...[...this.#sleepers].map(({ until }) => until));
      if (next > end) break;
      this.advance(Math.max(0, next - this.#elapsed));
    }
    this.advance(end - this.#elapsed);
    await setImmediate();
  }

  /** Resolves once somebody sleeps for a time in [least, most], measured from now. */
  async sleeping(least: number, most: number): Promise<void> {
    const found = (): boolean =>
      [...this.#sleepers].some(({ until }) => until - this.#elapsed >= least && until - this.#elapsed <= most);
    while (!found()) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }
}
