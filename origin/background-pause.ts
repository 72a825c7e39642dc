import { pauseStatus } from '../base/allowed-rate.ts';
import type { AllowedRate, Pause } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Slots } from './slots.ts';

/** Milliseconds: it is looked at least so often whether a pause has begun or ended, for a wall clock that jumps. */
const longestSleep = 10_000;

/**
 * Times in which no background work begins. What is under way ends by itself: an upstream that is not read would cut it.
 * Who waits for a slot is let in when the pause is over.
 */
export class BackgroundPause {
  readonly #rates: AllowedRate;
  readonly #slots: Slots;
  readonly #clock: Clock;
  readonly #log: Logger;
  #known: { readonly pause: Pause | null; readonly seen: number } | null = null;
  #watcher: AbortController | null = null;

  constructor(options: {
    readonly rates: AllowedRate;
    readonly slots: Slots;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#rates = options.rates;
    this.#slots = options.slots;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** The one in force; null: background work may begin. */
  get now(): Pause | null {
    const now = this.#clock.now();
    const known = this.#known;
    const ends = known?.pause?.until ?? Infinity;
    // Every file asks: once in a while is enough.
    if (known !== null && now >= known.seen && now < Math.min(ends, known.seen + 1_000)) return known.pause;
    const pause = this.#rates.pause(now);
    this.#known = { pause, seen: now };
    return pause;
  }

  /** Background work waits for a slot: from now on somebody looks whether it may have it. */
  watch(): void {
    if (this.#watcher === null && this.#rates.pauses) void this.#look();
  }

  /** Nobody may wait any more. */
  unlessWaitedFor(): void {
    if (this.#watcher !== null && this.#slots.waiting.background === 0) this.#watcher.abort();
  }

  async #look(): Promise<void> {
    const watcher = new AbortController();
    this.#watcher = watcher;
    let paused = false;
    while (!watcher.signal.aborted) {
      const pause = this.now;
      if ((pause !== null) !== paused) {
        paused = pause !== null;
        this.#say(pause);
      }
      const left = (pause?.until ?? Infinity) - this.#clock.now();
      await this.#clock.sleep(Math.min(longestSleep, left), watcher.signal).catch(() => {});
      if (this.now === null) this.#slots.letInWaiting();
    }
    this.#watcher = null;
    if (paused && this.now === null) this.#say(null);
    // Somebody may have come to wait since.
    if (this.#slots.waiting.background > 0) this.watch();
  }

  #say(pause: Pause | null): void {
    const waiting = this.#slots.waiting.background;
    if (pause === null) this.#log.info({ waiting }, 'background work goes on');
    else this.#log.info({ waiting, ...pauseStatus(pause) }, 'background work waits, as limits say');
  }
}
