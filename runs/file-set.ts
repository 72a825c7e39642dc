import type { Digest } from '../base/digest.ts';
import { readWords, wordsKept } from '../base/digest.ts';

const fewest = 1024;
/** Share of the slots that may be taken. */
const fullest = 0.7;
/** An odd constant with well mixed bits (Knuth, the golden ratio). */
const spread = 0x9e_37_79_b1;

/**
 * Files by scope and digest, for millions of them: 11 to 23 bytes a file, however long its digest is. 64 bits of a digest
 * are kept, so that of a million files two are taken for one with a probability of 10⁻⁷: good for counting, and for
 * keeping what is in it; for nothing that is served, or removed for being in it.
 */
export class FileSet {
  readonly #scopes = new Map<string, number>();
  readonly #words = new Uint32Array(wordsKept);
  /** Two words a slot; both 0: free. */
  #slots = new Uint32Array(fewest * 2);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** @returns false when it is in the set already. */
  add(scope: string, digest: Digest): boolean {
    if (this.#count >= (this.#slots.length / 2) * fullest) this.#grow();
    const slot = this.#slotOf(scope, digest);
    if (this.#slots[slot + 1] !== 0) return false;
    this.#slots[slot] = this.#words[0] ?? 0;
    this.#slots[slot + 1] = this.#words[1] ?? 0;
    this.#count += 1;
    return true;
  }

  has(scope: string, digest: Digest): boolean {
    return this.#slots[this.#slotOf(scope, digest) + 1] !== 0;
  }

  /** The slot that the file is in, or would be. Leaves the two words of its key in `#words`. */
  #slotOf(scope: string, digest: Digest): number {
    readWords(digest, this.#words);
    const mixed = Math.imul(this.#numberOf(scope), spread);
    const first = ((this.#words[1] ?? 0) ^ mixed) >>> 0;
    // Never 0, which is what a free slot has.
    const second = ((this.#words[2] ?? 0) ^ mixed) >>> 0 || 1;
    this.#words[0] = first;
    this.#words[1] = second;
    return this.#find(first, second);
  }

  #find(first: number, second: number): number {
    const { length } = this.#slots;
    let slot = (first % (length / 2)) * 2;
    while (this.#slots[slot + 1] !== 0 && (this.#slots[slot] !== first || this.#slots[slot + 1] !== second)) {
      slot = (slot + 2) % length;
    }
    return slot;
  }

  #numberOf(scope: string): number {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    this.#scopes.set(scope, this.#scopes.size);
    return this.#scopes.size - 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const [first = 0, second = 0] = [before[at], before[at + 1]];
      if (second === 0) continue;
      const slot = this.#find(first, second);
      this.#slots[slot] = first;
      this.#slots[slot + 1] = second;
    }
  }
}
