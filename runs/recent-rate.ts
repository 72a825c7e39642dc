/** Seconds of the past that count. */
const span = 30;
/** Milliseconds that must have been seen before anything is said. */
const least = 1_000;

interface Second {
  /** Its number on the clock. */
  readonly at: number;
  amount: number;
}

/**
 * How much was dealt with a second, of late: over the last 30 s, or since the beginning when that is less. A mean since
 * the beginning would hide that a link has become slow, or that nothing comes any more.
 */
export class RecentRate {
  readonly #begun: number;
  #seconds: Second[] = [];

  /** @param begun monotonic time, milliseconds. */
  constructor(begun: number) {
    this.#begun = begun;
  }

  /** @param now monotonic time, milliseconds; never less than before. */
  add(amount: number, now: number): void {
    const at = Math.floor(now / 1000);
    const last = this.#seconds.at(-1);
    if (last?.at === at) last.amount += amount;
    else this.#seconds.push({ at, amount });
    if (this.#seconds.length > 2 * span) this.#forget(now);
  }

  /** A second; null while too little was seen to say. */
  perSecond(now: number): number | null {
    this.#forget(now);
    const seen = Math.min(now - this.#begun, now - oldestOf(now) * 1000);
    if (seen < least) return null;
    return this.#seconds.reduce((sum, { amount }) => sum + amount, 0) / (seen / 1000);
  }

  #forget(now: number): void {
    const oldest = oldestOf(now);
    this.#seconds = this.#seconds.filter(({ at }) => at >= oldest);
  }
}

/** The first second that still counts: the current one has only begun. */
function oldestOf(now: number): number {
  return Math.floor(now / 1000) - span;
}
