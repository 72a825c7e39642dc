import type { Clock } from '../../base/clock.ts';

/** Milliseconds by which those that come later may leave earlier. */
const slack = 20;

/** Lets many wait for about as long by one timer for all that came in the same moment. */
export class Lingering {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  readonly #closing: AbortSignal;
  #latest: { readonly began: number; readonly over: Promise<void> } | null = null;

  /** @param closing ends every wait, and lets none begin. */
  constructor(clock: Clock, milliseconds: number, closing: AbortSignal) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
    this.#closing = closing;
  }

  /** Resolves so many milliseconds from now, or up to 20 ms earlier. */
  wait(): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#latest === null || now - this.#latest.began > slack) {
      const over = this.#clock.sleep(this.#milliseconds, this.#closing).catch(() => {});
      this.#latest = { began: now, over };
    }
    return this.#latest.over;
  }
}
