import type { Clock } from '../../base/clock.ts';

/** Milliseconds by which those that come later may leave earlier. */
const slack = 20;

/** Keeps things for about as long each, by one timer for all that came in the same moment. */
export class Lingering<Thing> {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  readonly #closing: AbortSignal;
  readonly #leave: (thing: Thing) => void;
  #latest: { readonly began: number; readonly things: Thing[] } | null = null;

  /** @param closing lets all go, and keeps none from then on. @param leave called with each when its time is over. */
  constructor(clock: Clock, milliseconds: number, closing: AbortSignal, leave: (thing: Thing) => void) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
    this.#closing = closing;
    this.#leave = leave;
  }

  /** Keeps it for so many milliseconds from now, or up to 20 ms less. */
  keep(thing: Thing): void {
    const now = this.#clock.monotonic();
    if (this.#latest === null || now - this.#latest.began > slack) {
      const latest = { began: now, things: [] };
      this.#latest = latest;
      void this.#expire(latest);
    }
    this.#latest.things.push(thing);
  }

  async #expire(moment: { readonly things: readonly Thing[] }): Promise<void> {
    await this.#clock.sleep(this.#milliseconds, this.#closing).catch(() => {});
    if (this.#latest === moment) this.#latest = null;
    for (const thing of moment.things) this.#leave(thing);
  }
}
