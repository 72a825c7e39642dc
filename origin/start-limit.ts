import { WaystationError } from '../base/errors.ts';
import type { Target } from './request-text.ts';
import { shownUrl } from './shown-url.ts';
import type { Deadlines, Due } from './wire/deadlines.ts';

/** What a limit ends. */
interface Ended {
  abort(reason: unknown): void;
}

/** Time until the first byte of a body, over all redirects on the way to it. */
export class StartLimit implements Due {
  readonly due: number;
  readonly #deadlines: Deadlines;
  readonly #target: Target;
  readonly #began = performance.now();
  #watched: Ended | null = null;
  #error: WaystationError | null = null;

  /** @param target for the error. */
  constructor(deadlines: Deadlines, milliseconds: number, target: Target) {
    this.due = this.#began + milliseconds;
    this.#deadlines = deadlines;
    this.#target = target;
    deadlines.watch(this);
  }

  /** Milliseconds since it began. */
  get elapsed(): number {
    return performance.now() - this.#began;
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
    const seconds = Math.round((this.due - this.#began) / 100) / 10;
    const where = shownUrl(this.#target);
    this.#error = new WaystationError('upstream_timeout', `${where} sent nothing within ${seconds} s`);
    const watched = this.#watched;
    this.end();
    watched?.abort(this.#error);
  }
}
