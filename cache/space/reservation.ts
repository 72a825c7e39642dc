/** Bytes taken from the budget before they are written. Given back, or turned into stored bytes, exactly once. */
export interface Reservation {
  /** Asks for more (a file of unknown length). */
  grow(bytes: number): boolean;
  /** So many of its bytes are on disk by now: statfs will show them, the rest is still to come. */
  wrote(total: number): void;
  /** So many bytes stay on disk; what follows is ignored. */
  commit(size: number): void;
  /** Nothing was kept. */
  release(): void;
}

/** What the bytes of the budget are, as they change hands. */
export class SpaceCounts {
  /** Of blobs and parts. */
  used = 0;
  reserved = 0;
  /** Reserved, and not on disk yet: no statfs shows these bytes. */
  unwritten = 0;
  /** Written since the last statfs. */
  unseen = 0;
  /** Taken since start, and not given back. */
  fresh = 0;
}

/** A class, for each file of a sync has one until it is durable. */
export class CountedReservation implements Reservation {
  readonly #counts: SpaceCounts;
  readonly #take: (bytes: number) => boolean;
  #held: number;
  #written: number;
  #ended = false;

  /** @param bytes taken already, of which `present` are on disk. @param take takes more. */
  constructor(counts: SpaceCounts, take: (bytes: number) => boolean, bytes: number, present: number) {
    this.#counts = counts;
    this.#take = take;
    this.#held = bytes;
    this.#written = present;
  }

  grow(bytes: number): boolean {
    if (this.#ended || !this.#take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  wrote(total: number): void {
    if (!this.#ended) this.#wrote(Math.min(total, this.#held));
  }

  commit(size: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const counts = this.#counts;
    this.#wrote(Math.max(this.#written, Math.min(size, this.#held)));
    counts.unwritten -= this.#held - this.#written;
    counts.reserved -= this.#held;
    counts.fresh -= Math.max(0, this.#held - size);
    counts.used += size;
  }

  release(): void {
    this.commit(0);
  }

  #wrote(total: number): void {
    this.#counts.unwritten -= total - this.#written;
    this.#counts.unseen += Math.max(0, total - this.#written);
    this.#written = total;
  }
}
