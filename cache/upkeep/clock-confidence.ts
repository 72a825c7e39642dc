import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

/** How far the wall clock may be from an upstream's, and how far it may move by itself. Milliseconds. */
const tolerance = 5 * 60_000;

/** Whether the wall clock may be believed. */
export interface ConfirmedClock {
  readonly confirmed: boolean;
}

/**
 * Believes the wall clock once an upstream's clock agrees with it, until it jumps: a machine without a battery for its
 * clock, a restored virtual machine or a mistyped date would otherwise make everything look old at once.
 */
export class ClockConfidence implements ConfirmedClock {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Wall clock minus monotonic time when an upstream last agreed; null: none did since start or the last jump. */
  #offset: number | null = null;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Within five minutes of some upstream's since start, and not moved by more than that since. */
  get confirmed(): boolean {
    if (this.#offset === null) return false;
    const jumped = this.#now() - this.#offset;
    if (Math.abs(jumped) <= tolerance) return true;
    this.#offset = null;
    const seconds = Math.round(jumped / 1000);
    this.#log.warn({ seconds }, 'the clock jumped: nothing is retired by age until an upstream confirms it');
    return false;
  }

  /** An upstream said what time it is. @param date milliseconds since the epoch. */
  observe(date: number): void {
    if (!(Math.abs(date - this.#clock.now()) <= tolerance)) return;
    if (!this.confirmed) this.#log.info({}, 'the clock is confirmed by an upstream');
    this.#offset = this.#now();
  }

  #now(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}
