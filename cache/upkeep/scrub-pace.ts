import type { Clock } from '../../base/clock.ts';

/** How fast the scrub may be. */
export interface ScrubBudget {
  /** Milliseconds in which everything held is read once. */
  readonly every: number;
  /** Bytes a second: never faster. */
  readonly rate: number;
}

/** How far the pass is. Bytes, and milliseconds of the wall clock. */
export interface PassState {
  readonly began: number;
  readonly done: number;
  readonly total: number;
}

/** What a file costs at least: of an empty one its folder and inode are read. */
const leastCost = 4_096;
/** Shorter waits are added up. */
const shortestWait = 20;
/** In a longer one the pace is thought over: the cache may have grown. */
const longestWait = 60_000;
/** A file is not held open for longer than this, as far as `rate` lets it. */
const longestRead = 3_600_000;

/**
 * Spreads a pass evenly over its time: after each file as long a rest as its bytes need at the present pace. Files that
 * would take long at that pace are read faster, never faster than the rate, and rested from afterwards.
 */
export class ScrubPace {
  readonly #budget: ScrubBudget;
  readonly #clock: Clock;
  /** Bytes that were read and not rested from. */
  #owed = 0;

  constructor(budget: ScrubBudget, clock: Clock) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Bytes a second that the pass needs to end in time; behind it, more. */
  rateOf({ began, done, total }: PassState): number {
    const { every, rate } = this.#budget;
    const left = began + every - this.#clock.now();
    const even = total / every;
    const needed = left > 0 ? Math.max(0, total - done) / left : Infinity;
    return Math.max(1, Math.min(rate, Math.max(even, needed) * 1000));
  }

  /** What a file's reads wait for, one after the other. */
  reading(size: number, pass: PassState, signal: AbortSignal): (bytes: number) => Promise<void> {
    const rate = Math.min(this.#budget.rate, Math.max(this.rateOf(pass), size / (longestRead / 1000)));
    const began = this.#clock.monotonic();
    let read = 0;
    return async (bytes) => {
      read += bytes;
      const wait = began + (read / rate) * 1000 - this.#clock.monotonic();
      if (wait >= shortestWait) await this.#clock.sleep(wait, signal);
    };
  }

  /** Rests from a file that took so many milliseconds to read. @param pass as it is by then: asked again and again. */
  async rest(size: number, took: number, pass: () => PassState, signal: AbortSignal): Promise<void> {
    this.#owed = Math.max(0, this.#owed + Math.max(size, leastCost) - (this.rateOf(pass()) * took) / 1000);
    for (;;) {
      const rate = this.rateOf(pass());
      const wait = (this.#owed / rate) * 1000;
      if (wait < shortestWait) return;
      const began = this.#clock.monotonic();
      await this.#clock.sleep(Math.min(wait, longestWait), signal);
      this.#owed = Math.max(0, this.#owed - (rate * (this.#clock.monotonic() - began)) / 1000);
    }
  }
}
