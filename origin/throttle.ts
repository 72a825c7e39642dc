import type { AllowedRate, RateInForce } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import type { Meter } from '../base/metrics.ts';
import { fromFirst } from '../base/transfer.ts';
import type { Purpose } from '../base/transfer.ts';

/** Whose bytes they are; it may become more urgent while they wait. */
export interface Payer {
  readonly purpose: Purpose;
}

interface Waiter {
  readonly payer: Payer;
  readonly bytes: number;
  readonly since: number;
  readonly go: () => void;
}

/** Seconds of the rate, and bytes, that may go at once after a rest. */
const burst = 0.1;
const leastBurst = 64 * 1024;
/** Milliseconds: the rate in force is looked up again at least so often, for a wall clock that jumps. */
const longestSleep = 10_000;
const shortestSleep = 5;
/** Part of the bytes that those behind get when those before leave nothing: what stands still for long is cut. */
const leastShare: Readonly<Record<Purpose, number>> = { client: 0, metadata: 0.1, background: 0.05 };

/**
 * A token bucket for the bytes of all transfers. A chunk is paid for after it came; who cannot pay is not read until it
 * can. Clients go first, then metadata, then background work; within these everybody in turn, chunk by chunk.
 */
export class Throttle {
  readonly #rates: AllowedRate;
  readonly #clock: Clock;
  readonly #waited;
  readonly #throttled;
  readonly #waiting: Readonly<Record<Purpose, Waiter[]>> = { client: [], metadata: [], background: [] };
  readonly #owed: Record<Purpose, number> = { client: 0, metadata: 0, background: 0 };
  #force: (RateInForce & { readonly seen: number }) | null = null;
  #tokens = 0;
  #counted: number;
  #sleeper: AbortController | null = null;

  constructor(options: { readonly rates: AllowedRate; readonly clock: Clock; readonly meter: Meter }) {
    this.#rates = options.rates;
    this.#clock = options.clock;
    this.#counted = options.clock.monotonic();
    const { meter } = options;
    this.#waited = {
      bytes: meter.counter('limit_waited_bytes_total', 'Bytes from upstream that waited for a limit', ['purpose']),
      seconds: meter.counter('limit_waited_seconds_total', 'Time that they waited, added up', ['purpose']),
    };
    this.#throttled = meter.counter('limit_throttled_seconds_total', 'Time in which anything waited for a limit');
  }

  /** Whether anything waits. */
  get busy(): boolean {
    return this.#sleeper !== null;
  }

  /** What is in force now. */
  get force(): RateInForce {
    const now = this.#clock.now();
    const known = this.#force;
    if (known !== null && now >= known.seen && now < (known.until ?? Infinity)) return known;
    this.#force = { ...this.#rates.at(now), seen: now };
    return this.#force;
  }

  /**
   * Pays for bytes that came.
   * @returns when the next may be read; nothing when that is now. The signal ends the wait without an error.
   */
  pay(payer: Payer, bytes: number, signal: AbortSignal): void | Promise<void> {
    const { rate } = this.force;
    if (rate === null) return;
    this.#count(rate);
    if (this.#tokens > 0 && this.#sleeper === null) {
      this.#tokens -= bytes;
      return;
    }
    if (signal.aborted) return;
    return this.#wait(payer, bytes, signal);
  }

  /** Counts bytes that came without waiting: small ones, which others then wait for. */
  charge(bytes: number): void {
    const { rate } = this.force;
    if (rate === null) return;
    this.#count(rate);
    this.#tokens -= bytes;
  }

  /** Somebody who waits has become more urgent. */
  hurried(payer: Payer, before: Purpose): void {
    const moved = this.#waiting[before].filter((waiter) => waiter.payer === payer);
    if (moved.length === 0) return;
    this.#waiting[before].splice(0, Infinity, ...this.#waiting[before].filter((waiter) => waiter.payer !== payer));
    this.#waiting[payer.purpose].push(...moved);
  }

  #wait(payer: Payer, bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const since = this.#clock.monotonic();
    const waiter: Waiter = {
      payer,
      bytes,
      since,
      go: () => {
        signal.removeEventListener('abort', leave);
        const purpose = { purpose: payer.purpose };
        this.#waited.bytes.inc(purpose, bytes);
        this.#waited.seconds.inc(purpose, (this.#clock.monotonic() - since) / 1000);
        resolve();
      },
    };
    const leave = (): void => {
      const line = this.#waiting[payer.purpose];
      line.splice(line.indexOf(waiter), 1);
      waiter.go();
      if (this.#next() === null) this.#sleeper?.abort();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting[payer.purpose].push(waiter);
    if (this.#sleeper === null) void this.#serve();
    return promise;
  }

  /** Lets go who can pay, one after the other, until nobody waits. */
  async #serve(): Promise<void> {
    const sleeper = new AbortController();
    this.#sleeper = sleeper;
    for (;;) {
      const { rate, until } = this.force;
      if (rate !== null) this.#count(rate);
      this.#letGo(rate === null ? -Infinity : 0);
      if (rate === null || this.#next() === null) break;
      const change = (until ?? Infinity) - this.#clock.now();
      const pause = Math.min(((1 - this.#tokens) / rate) * 1000, longestSleep, change);
      const began = this.#clock.monotonic();
      await this.#clock.sleep(Math.max(shortestSleep, Math.ceil(pause)), sleeper.signal).catch(() => {});
      this.#throttled.inc({}, (this.#clock.monotonic() - began) / 1000);
    }
    this.#sleeper = null;
  }

  /** Lets waiters go one after the other, until no more than so many tokens are left. */
  #letGo(above: number): void {
    while (this.#tokens > above) {
      const next = this.#next();
      if (next === null) return;
      this.#let(next);
    }
  }

  #let(waiter: Waiter): void {
    const { purpose } = waiter.payer;
    this.#waiting[purpose].shift();
    this.#tokens -= waiter.bytes;
    for (const other of fromFirst) {
      if (this.#waiting[other].length === 0) this.#owed[other] = 0;
      else if (other !== purpose) this.#owed[other] += waiter.bytes * leastShare[other];
    }
    this.#owed[purpose] = Math.max(0, this.#owed[purpose] - waiter.bytes);
    waiter.go();
  }

  #next(): Waiter | null {
    const heads = fromFirst.flatMap((purpose) => this.#waiting[purpose].slice(0, 1));
    const owed = heads.find(({ payer, bytes }) => payer.purpose !== 'client' && this.#owed[payer.purpose] >= bytes);
    return owed ?? heads[0] ?? null;
  }

  /** Adds what the time since the last count allows. */
  #count(rate: number): void {
    const now = this.#clock.monotonic();
    const most = Math.max(leastBurst, rate * burst);
    this.#tokens = Math.min(most, this.#tokens + (rate * (now - this.#counted)) / 1000);
    this.#counted = now;
  }
}
