import type { Part } from './part.ts';

/** Bytes of a listed file that are held back until its digest is right: at least 1, at most 64 KiB. */
export function tailOf(size: number): number {
  return Math.min(65_536, Math.max(1, Math.floor(size / 2)));
}

/**
 * A file on its way in, as its followers see it: how far they may read, in which part, and how it ended. One writer
 * drives it; followers never push back. Its part stays open while there are any: one that reads slowly may still be in
 * the part before when the writer has gone.
 */
export class Growing {
  /** null: an unlisted file whose origin gave no length. */
  size: number | null;
  part: Part;
  /** Bytes that clients may be sent: behind `part.written` by what is held back. */
  released = 0;
  followers = 0;
  #ended: 'verified' | Error | null = null;
  /** null: nobody, as mostly in a sync. */
  #waiting: (() => void)[] | null = null;
  readonly #onIdle: () => void;
  readonly #onFollowed: () => void;

  /** @param options `onFollowed` is called for each follower that comes, `onIdle` when the last has left. */
  constructor(options: { size: number | null; part: Part; onIdle: () => void; onFollowed?: () => void }) {
    this.size = options.size;
    this.part = options.part;
    this.#onIdle = options.onIdle;
    this.#onFollowed = options.onFollowed ?? (() => {});
  }

  /** Everything can be read and is right. */
  get verified(): boolean {
    return this.#ended === 'verified';
  }

  /** Why it ended without being right; null while it goes on, or when it is right. */
  get failure(): Error | null {
    return this.#ended instanceof Error ? this.#ended : null;
  }

  /** More may be sent. */
  release(bytes: number): void {
    if (bytes > this.released) this.released = bytes;
    this.#wake();
  }

  /** The bytes so far were wrong: they begin again in another part. Followers compare what they sent. */
  restart(part: Part): void {
    if (this.followers > 0) {
      part.retain();
      this.part.release();
    }
    this.part = part;
    this.released = 0;
    this.#wake();
  }

  verify(size: number): void {
    this.size = size;
    this.released = size;
    this.#ended = 'verified';
    this.#wake();
  }

  fail(error: Error): void {
    this.#ended ??= error;
    this.#wake();
  }

  /** Resolves at the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }

  /** Before the writer lets go of the part. */
  follow(): void {
    if (this.followers === 0) this.part.retain();
    this.followers += 1;
    this.#onFollowed();
  }

  unfollow(): void {
    this.followers -= 1;
    if (this.followers > 0) return;
    this.part.release();
    this.#onIdle();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }
}
