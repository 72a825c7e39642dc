/** What must be done by a time that may change. */
export interface Due {
  /** By `performance.now()`; Infinity: there is nothing to be done. */
  readonly due: number;
  /** The time is over. It is asked again later unless it is forgotten. */
  expired(): void;
}

/** Milliseconds. */
const longestTimer = 2 ** 31 - 1;

/**
 * Many deadlines by one timer. Most are moved on or forgotten long before they come, and that costs nothing here; the
 * timer keeps no process alive.
 */
export class Deadlines {
  readonly #watched = new Set<Due>();
  #timer: NodeJS.Timeout | null = null;
  /** When the timer fires. */
  #at = Infinity;

  watch(due: Due): void {
    this.#watched.add(due);
    this.nearer(due.due);
  }

  /** One that is watched comes earlier than before. */
  nearer(at: number): void {
    if (at >= this.#at) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#at = at;
    const left = Math.min(longestTimer, Math.max(1, Math.ceil(at - performance.now())));
    this.#timer = setTimeout(() => this.#look(), left).unref();
  }

  forget(due: Due): void {
    this.#watched.delete(due);
  }

  #look(): void {
    this.#at = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const each of this.#watched) {
      if (each.due <= now) each.expired();
      if (this.#watched.has(each)) next = Math.min(next, each.due);
    }
    this.nearer(next);
  }
}
