import { algorithmNumber, hashOf, readWords, wordsKept } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { Sought } from './blob-entries.ts';

/** The digest that is looked for, one after the other: no more of it is read than is needed, and that once. */
export class SoughtDigest implements Sought {
  #digest: Digest | null = null;
  #areRead = false;
  readonly #words = new Uint32Array(wordsKept);
  hash = 0;
  algorithm = 0;

  /** From here on this one is looked for. @returns whether it was before. */
  isSet(digest: Digest): boolean {
    if (digest === this.#digest) return true;
    this.#digest = digest;
    this.#areRead = false;
    this.hash = hashOf(digest);
    this.algorithm = algorithmNumber(digest);
    return false;
  }

  /** Valid until the next digest. */
  get words(): Uint32Array {
    if (!this.#areRead && this.#digest !== null) readWords(this.#digest, this.#words);
    this.#areRead = true;
    return this.#words;
  }
}
