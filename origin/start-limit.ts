import type { WaystationError } from '../base/errors.ts';

/** What a limit ends. */
interface Ended {
  abort(reason: unknown): void;
}

/**
 * Time until the first byte of a body, over all redirects on the way to it. (An AbortSignal for each request would be as
 * dear as all else that is done for one.)
 */
export class StartLimit {
  readonly #timer: NodeJS.Timeout;
  #watched: Ended | null = null;
  #error: WaystationError | null = null;

  /** @param error made when the time is over. */
  constructor(milliseconds: number, error: () => WaystationError) {
    this.#timer = setTimeout(() => {
      this.#error = error();
      this.#watched?.abort(this.#error);
    }, milliseconds);
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
    clearTimeout(this.#timer);
  }
}
