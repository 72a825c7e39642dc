import { asWaystationError } from '../../base/errors.ts';
import type { Listener } from './ending.ts';
import type { FillRequest, InFlight } from './in-flight.ts';
import { abortablesOf } from './unless-aborted.ts';
import type { Abortable } from './unless-aborted.ts';

export interface Wait {
  readonly entry: InFlight;
  readonly request: FillRequest;
  /** Somebody else began it, by loaders of its own. */
  readonly joined: boolean;
  readonly signal: AbortSignal;
}

/** Whose fills are waited for. */
export interface Awaited {
  /** Nobody may be left who waits for it. */
  left(entry: InFlight): void;
  ensure(request: FillRequest, signal: AbortSignal): Promise<void>;
}

/** A sync that waits for a fill until the file is held or the signal aborts: one object and one promise, for each file. */
export class Waiter implements Listener<void>, Abortable {
  readonly #fills: Awaited;
  readonly #wait: Wait;
  readonly #all: Set<Abortable>;
  readonly #resolve: (value: void | Promise<void>) => void;
  readonly #reject: (error: Error) => void;

  /** @param resolve as of a promise, like `reject`. */
  constructor(
    fills: Awaited,
    wait: Wait,
    resolve: (value: void | Promise<void>) => void,
    reject: (error: Error) => void,
  ) {
    this.#fills = fills;
    this.#wait = wait;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#all = abortablesOf(wait.signal).add(this);
    wait.entry.wanted += 1;
    wait.entry.stored.tell(this);
  }

  resolved(): void {
    if (!this.#leave()) return;
    this.#resolve();
  }

  rejected(reason: unknown): void {
    if (!this.#leave()) return;
    const { entry, request, joined, signal } = this.#wait;
    const error = asWaystationError(reason);
    // It failed by another's sources, or for a reason of its own: ours have still to be asked.
    if (joined && (entry.failedForItself(error) || error.source === 'origin'))
      this.#resolve(this.#fills.ensure(request, signal));
    else this.#reject(error);
  }

  aborted(reason: Error): void {
    if (this.#leave()) this.#reject(reason);
  }

  /** @returns false when it has left before: the fill of a wait that was called off ends later. */
  #leave(): boolean {
    const { entry } = this.#wait;
    if (!this.#all.delete(this)) return false;
    entry.wanted -= 1;
    this.#fills.left(entry);
    return true;
  }
}
