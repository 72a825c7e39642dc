import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/**
 * The simulated time: it jumps to the next sleeper when everything else has come to rest. With no real input and output
 * in the world, the order of all that happens follows from the seed.
 */
export class Timeline implements Clock {
  readonly #start = Date.UTC(2026, 0, 1);
  /** In the order in which they went to sleep: of those due together the first wakes first. */
  readonly #sleepers = new Set<Sleeper>();
  #elapsed = 0;

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const leave = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const sleeper = { due: this.#elapsed + milliseconds, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /**
   * Lets everything happen until nobody sleeps any more.
   * @returns false when that has not come about by `limit` (milliseconds of simulated time).
   */
  async run(limit: number): Promise<boolean> {
    for (;;) {
      // All promises that can settle without time passing have settled when this one does.
      await setImmediate();
      let next: Sleeper | null = null;
      for (const sleeper of this.#sleepers) if (next === null || sleeper.due < next.due) next = sleeper;
      if (next === null) return true;
      if (next.due > limit) return false;
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.wake();
    }
  }
}
