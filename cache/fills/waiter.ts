import { asWaystationError } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Listener } from './ending.ts';
import type { InFlight } from './in-flight.ts';
import { abortablesOf } from './unless-aborted.ts';
import type { Abortable } from './unless-aborted.ts';

export interface Wait {
  readonly entry: InFlight;
  readonly signal: AbortSignal;
  /** Nobody may be left who waits for it. */
  readonly left: (entry: InFlight) => void;
  /** What is done instead of telling an error; null: it is told. */
  readonly otherwise: (error: WaystationError) => Promise<void> | null;
}

/** A sync that waits for a fill until the file is held or the signal aborts: one object and one promise, for each file. */
export class Waiter implements Listener<void>, Abortable {
  readonly #wait: Wait;
  readonly #all: Set<Abortable>;
  readonly #resolve: (value: void | Promise<void>) => void;
  readonly #reject: (error: Error) => void;

  private constructor(wait: Wait, resolve: (value: void | Promise<void>) => void, reject: (error: Error) => void) {
    this.#wait = wait;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#all = abortablesOf(wait.signal).add(this);
    wait.entry.wanted += 1;
    wait.entry.stored.tell(this);
  }

  /** @throws why the fill failed; the signal's reason. */
  static wait(wait: Wait): Promise<void> {
    return new Promise((resolve, reject) => void new Waiter(wait, resolve, reject));
  }

  resolved(): void {
    this.#leave();
    this.#resolve();
  }

  rejected(reason: unknown): void {
    this.#leave();
    const error = asWaystationError(reason);
    const other = this.#wait.otherwise(error);
    if (other === null) this.#reject(error);
    else this.#resolve(other);
  }

  aborted(reason: Error): void {
    this.#leave();
    this.#reject(reason);
  }

  #leave(): void {
    const { entry, left } = this.#wait;
    this.#all.delete(this);
    entry.wanted -= 1;
    left(entry);
  }
}
