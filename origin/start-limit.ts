import type { WaystationError } from '../base/errors.ts';
import type { Deadlines, Due } from './wire/deadlines.ts';

/** What a limit ends. */
interface Ended {
  abort(reason: unknown): void;
}

/** Time until the first byte of a body, over all redirects on the way to it. */
export class StartLimit implements Due {
  readonly due: number;
  readonly #deadlines: Deadlines;
  readonly #failure: () => WaystationError;
  #watched: Ended | null = null;
  #error: WaystationError | null = null;

  /** @param failure made when the time is over. */
  constructor(deadlines: Deadlines, milliseconds: number, failure: () => WaystationError) {
    this.due = performance.now() + milliseconds;
    this.#deadlines = deadlines;
    this.#failure = failure;
    deadlines.watch(this);
  }

  /** What is to be ended from now on, in the place of what was before. */
  watch(exchange: Ended): void {
    this.#watched = exchange;
  }

  throwIfOver(): void {
    if (this.#error !== null) throw this.#error;
  }

  /** The first byte is here, or will not come. */
  end(): void {
    this.#deadlines.forget(this);
    this.#watched = null;
  }

  expired(): void {
    this.#error = this.#failure();
    const watched = this.#watched;
    this.end();
    watched?.abort(this.#error);
  }
}
