import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock that moves only when told to. */
export class SteppedClock implements Clock {
  readonly #start = Date.UTC(2026, 0, 1);
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
      const forget = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        forget();
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        forget();
        resolve();
      };
      const sleeper: Sleeper = { due: this.#elapsed + milliseconds, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Moves on, waking sleepers in the order in which they are due; each may go to sleep again on the way. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    for (;;) {
      await setImmediate();
      const [next] = [...this.#sleepers].toSorted((one, other) => one.due - other.due);
      if (next === undefined || next.due > end) break;
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.wake();
    }
    this.#elapsed = end;
    await setImmediate();
  }
}
