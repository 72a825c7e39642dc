import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { FailureRate } from './failure-rate.ts';

/** `half-open`: open, and a probe is under way. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface OriginState {
  readonly origin: string;
  readonly breaker: BreakerState;
  /** Whether the last contact was an answer; true before the first. */
  readonly up: boolean;
  /** Wall clock of the last answer, milliseconds since the epoch. */
  readonly lastContact: number | null;
  readonly lastError: { readonly error: WaystationError; readonly at: number } | null;
  /** Its clock minus ours at the last answer that had a Date, milliseconds; null when none had. */
  readonly clockDistance: number | null;
}

/** Asks an origin for anything, and reports an answer to its health. Rejects when there was none. */
export type Probe = (signal: AbortSignal) => Promise<void>;

export interface OriginHealthOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly closing: AbortSignal;
  readonly onDate: (date: number) => void;
}

/**
 * Probing begins every 1–2 s and each probe has 4.5 s: a probe that hung on the dead link does not delay the next one,
 * so an origin is found again within 3 s of its healing, and one that takes seconds to answer is found too.
 */
const probeEvery = 1000;
const probeWithin = 4500;

/** What is known about the link to one origin, and the breaker on it. Only failures of the link count, never statuses. */
export class OriginHealth {
  readonly #origin: string;
  readonly #options: OriginHealthOptions;
  readonly #rate = new FailureRate();
  #open = false;
  #probes = 0;
  #up = true;
  #lastContact: number | null = null;
  #lastError: { readonly error: WaystationError; readonly at: number } | null = null;
  #clockDistance: number | null = null;
  /** Ends the probing that is under way. */
  #probing: AbortController | null = null;

  constructor(origin: string, options: OriginHealthOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** Whether it makes sense to ask; it never decides what is served. */
  get open(): boolean {
    return this.#open;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Why nobody is asked now; null when the breaker is closed. */
  refusal(): WaystationError | null {
    if (!this.#open) return null;
    const cause = this.#lastError?.error;
    const message = `${this.#origin} is not asked until it can be reached again: ${cause?.message ?? 'no answer'}`;
    return new WaystationError('upstream_breaker_open', message, { cause, retryAfter: 5 });
  }

  /**
   * An answer came, whatever its status: closes the breaker.
   * @param date the answer's Date, milliseconds since the epoch.
   */
  answered(date: number | null): void {
    const { clock, log, onDate } = this.#options;
    this.#lastContact = clock.now();
    if (date !== null) {
      this.#clockDistance = date - this.#lastContact;
      onDate(date);
    }
    this.#up = true;
    this.#probing?.abort(new WaystationError('cancelled', `${this.#origin} answers again`));
    this.#probing = null;
    if (this.#open) {
      this.#open = false;
      this.#rate.forget();
      log.info({ origin: this.#origin }, 'upstream answers again');
    }
    this.#rate.count(clock.monotonic(), 'answered');
  }

  /**
   * No answer came. Probing goes on in the background until the next one.
   * @param failure one of the link (`isConnectionFailure`).
   */
  failed(failure: WaystationError, probe: Probe): void {
    const { clock, log } = this.#options;
    this.#up = false;
    this.#lastError = { error: failure, at: clock.now() };
    this.#rate.count(clock.monotonic(), 'failed');
    if (!this.#open && this.#rate.bad(clock.monotonic())) {
      this.#open = true;
      log.warn({ origin: this.#origin, code: failure.code, error: failure.message }, 'upstream cannot be reached');
    }
    if (this.#probing !== null || this.#options.closing.aborted) return;
    this.#probing = new AbortController();
    this.#probeUntilAnswered(probe, AbortSignal.any([this.#probing.signal, this.#options.closing])).catch(() => {});
  }

  get state(): OriginState {
    return {
      origin: this.#origin,
      breaker: this.#open ? (this.#probes > 0 ? 'half-open' : 'open') : 'closed',
      up: this.#up,
      lastContact: this.#lastContact,
      lastError: this.#lastError,
      clockDistance: this.#clockDistance,
    };
  }

  async #probeUntilAnswered(probe: Probe, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (;;) {
      await clock.sleep(probeEvery * (1 + random()), signal);
      this.#probeOnce(probe, signal).catch(() => {});
    }
  }

  async #probeOnce(probe: Probe, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const limit = new AbortController();
    const over = new AbortController();
    this.#probes++;
    const expiry = clock.sleep(probeWithin, over.signal).then(
      () => limit.abort(new WaystationError('upstream_timeout', `${this.#origin} did not answer a probe`)),
      () => {},
    );
    try {
      await probe(AbortSignal.any([signal, limit.signal]));
    } catch (thrown) {
      if (thrown instanceof WaystationError && thrown.source === 'origin') {
        this.#lastError = { error: thrown, at: clock.now() };
      }
    } finally {
      this.#probes--;
      over.abort();
      await expiry;
    }
  }
}
