import type { AllowedRate } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Logger } from '../base/log.ts';
import type { Counter, Meter } from '../base/metrics.ts';
import type { PlainFailure } from '../base/plain-get.ts';
import { pauseStatus } from '../base/allowed-rate.ts';
import type { TransferStatus } from '../base/status.ts';
import type { Purpose } from '../base/transfer.ts';
import { BackgroundPause } from './background-pause.ts';
import { Slots } from './slots.ts';
import type { Entrant } from './slots.ts';
import { Throttle } from './throttle.ts';

/** How nearly all plain GETs end, by its label. */
const put = { end: 'put' };
const noCounter: Counter = { inc: () => {} };

export interface TrafficOptions {
  readonly rates: AllowedRate;
  /** Transfers at a time of one hub and in all, without those that clients wait for. */
  readonly transfers: { readonly perHub: number; readonly total: number };
  readonly clock: Clock;
  readonly meter: Meter;
  /** Counts plain GETs by their end, for who may send any. */
  readonly plainGets?: Counter;
  /** Told when background work waits for a pause to end, and when it goes on. */
  readonly log?: Logger;
}

/** Bytes a second that a background transfer shall have at least: below that fewer are begun, not slower ones. */
const worthwhile = 128 * 1024;

/** What all transfers share: the bytes that limits let through, and slots. */
export class Traffic {
  readonly throttle: Throttle;
  readonly slots: Slots;
  readonly pause: BackgroundPause;
  readonly clock: Clock;
  readonly #transfers: TrafficOptions['transfers'];
  readonly #bytes: Counter;
  readonly #plainGets: Counter;
  /** Bytes of bodies taken from upstream since the start. */
  taken = 0;

  constructor({ rates, transfers, clock, meter, plainGets = noCounter, log = silentLogger }: TrafficOptions) {
    this.clock = clock;
    this.#transfers = transfers;
    this.throttle = new Throttle({ rates, clock, meter });
    const worth = (): number => Math.max(1, Math.floor((this.throttle.force.rate ?? Infinity) / worthwhile));
    this.slots = new Slots({ ...transfers, background: () => (this.pause.now === null ? worth() : 0) });
    this.pause = new BackgroundPause({ rates, slots: this.slots, clock, log });
    this.#bytes = meter.counter('upstream_bytes_total', 'Bytes of bodies taken from upstream, by purpose', ['purpose']);
    this.#plainGets = plainGets;
  }

  status(): TransferStatus {
    const { rate, until } = this.throttle.force;
    return {
      limit: { rate, until: until === null ? null : new Date(until).toISOString() },
      throttled: this.throttle.busy,
      paused: pauseStatus(this.pause.now),
      slots: { ...this.#transfers, busy: { ...this.slots.busy }, waiting: this.slots.waiting },
    };
  }

  passage(purpose: Purpose): Passage {
    return new Passage(this, purpose);
  }

  /** An answer that was read whole, without a passage. */
  answered(bytes: number): void {
    this.throttle.charge(bytes);
    this.took('client', bytes);
  }

  /** What came of a plain GET. @param failure null: its file. */
  plainEnded(failure: PlainFailure | null): void {
    this.#plainGets.inc(failure === null ? put : { end: failure });
  }

  took(purpose: Purpose, bytes: number): void {
    if (bytes === 0) return;
    this.taken += bytes;
    this.#bytes.inc({ purpose }, bytes);
  }
}

/**
 * The way of one file's transfers, one at a time: holds a slot from `enter` to `leave`, and pays for what comes. Who was
 * let in once is let in again without waiting: others may wait for this very file while they hold a slot.
 */
export class Passage implements Entrant {
  readonly #traffic: Traffic;
  #purpose: Purpose;
  /** Where it holds a slot. */
  #at: string | null = null;
  /** Where it waits for one. */
  #waitsAt: string | null = null;
  #wasIn = false;
  #waited = 0;
  #bytes = 0;

  constructor(traffic: Traffic, purpose: Purpose) {
    this.#traffic = traffic;
    this.#purpose = purpose;
  }

  get purpose(): Purpose {
    return this.#purpose;
  }

  /** Milliseconds that it waited for slots so far. */
  get waited(): number {
    return this.#waited;
  }

  /**
   * Takes a slot of this hub: at once, or it resolves when there is one. @returns whether it waited.
   * @throws the signal's reason; it holds none then.
   */
  enter(origin: string, signal: AbortSignal): boolean | Promise<boolean> {
    const { slots } = this.#traffic;
    if (this.#at === origin) return false;
    this.leave();
    const waiting = this.#wasIn ? slots.occupy(origin, this) : slots.take(origin, this, signal);
    return waiting === undefined ? false : this.#wait(origin, waiting);
  }

  admitted(origin: string): void {
    this.#at = origin;
    this.#waitsAt = null;
    this.#wasIn = true;
  }

  /**
   * A transfer has ended. Background work keeps its slot until its bytes are in a file, when it is told to `leave`: a
   * kill then costs no more files than there are slots.
   */
  transferred(): void {
    if (this.#purpose !== 'background') this.leave();
  }

  leave(): void {
    if (this.#at === null) return;
    this.#traffic.slots.release(this.#at, this.#purpose);
    this.#at = null;
    this.#traffic.took(this.#purpose, this.#bytes);
    this.#bytes = 0;
  }

  async #wait(origin: string, waiting: Promise<void>): Promise<boolean> {
    const { clock, pause } = this.#traffic;
    const began = clock.monotonic();
    this.#waitsAt = origin;
    if (this.#purpose === 'background') pause.watch();
    try {
      await waiting;
    } finally {
      pause.unlessWaitedFor();
      this.#waitsAt = null;
      this.#waited += clock.monotonic() - began;
    }
    return true;
  }

  /** See Throttle.pay. */
  pay(bytes: number, signal: AbortSignal): void | Promise<void> {
    this.#bytes += bytes;
    return this.#traffic.throttle.pay(this, bytes, signal);
  }

  /** It is background work that has a slot, while no limit is in force. */
  get isFree(): boolean {
    return this.#at !== null && this.#purpose === 'background' && this.#traffic.throttle.force.rate === null;
  }

  /** A client waits for it now. */
  hurry(): void {
    const before = this.#purpose;
    if (before === 'client') return;
    this.#purpose = 'client';
    const { slots, throttle } = this.#traffic;
    if (this.#at !== null) slots.hurried(this.#at, before);
    if (this.#waitsAt !== null) slots.letIn(this.#waitsAt, this, before);
    throttle.hurried(this, before);
  }
}
