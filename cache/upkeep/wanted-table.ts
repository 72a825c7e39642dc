import { algorithmOf, algorithms, hexOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';

/** Words of a digest that are compared: 128 bits. */
const words = 4;
const fewest = 1024;

/**
 * Listed files by digest, for millions of them: 36 to 54 bytes a file, however long its digest is. What is found to
 * match is stored under the digest that was computed, never under one from here, so that two digests that agree in 128
 * bits could at most have a file kept that nobody lists.
 */
export class WantedTable {
  readonly #scopes: string[] = [];
  readonly #scopeNumbers = new Map<string, number>();
  readonly #algorithms = new Set<Algorithm>();
  /** Size → how many listed files of that size are missing. */
  readonly #missing = new Map<number, number>();
  #digests = new Uint32Array(fewest * words);
  #sizes = new Float64Array(fewest);
  /** Scope's number times 16, algorithm's place in `algorithms` times 2, 1 when it is held. */
  #facts = new Uint32Array(fewest);
  /** Entry's number + 1 by its digest, 0: free. Twice as many as entries at least. */
  #slots = new Uint32Array(fewest * 2);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** What it takes in memory, but for the sizes: of these there are far fewer than files. */
  get bytes(): number {
    return [this.#digests, this.#sizes, this.#facts, this.#slots].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Those that missing files are listed by. */
  get algorithms(): ReadonlySet<Algorithm> {
    return this.#algorithms;
  }

  /** How many files of a size are listed and missing; null: none is listed at all. */
  missing(size: number): number | null {
    return this.#missing.get(size) ?? null;
  }

  /** @returns the number of the entry; -1 when there is none. */
  entry(scope: string, { digest, size }: Listed): number {
    const number = this.#scopeNumbers.get(scope);
    if (number === undefined) return -1;
    return this.entries(digest, size).find((entry) => this.#scopeOf(entry) === number) ?? -1;
  }

  /** What a file of this digest and length is: an entry for each scope that lists it. */
  entries(digest: Digest, size: number): number[] {
    const found: number[] = [];
    const key = wordsOf(digest);
    const algorithm = algorithms.indexOf(algorithmOf(digest));
    for (let slot = this.#slotOf(key[0]); ; slot = (slot + 1) % this.#slots.length) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry < 0) return found;
      const same =
        this.#sizes[entry] === size &&
        (((this.#facts[entry] ?? 0) >>> 1) & 7) === algorithm &&
        key.every((word, at) => this.#digests[entry * words + at] === word);
      if (same) found.push(entry);
    }
  }

  /** Adds what `entry` did not find. */
  add(scope: string, { digest, size }: Listed, held: boolean): void {
    if (this.#count === this.#sizes.length) this.#grow();
    const entry = this.#count;
    this.#count += 1;
    const key = wordsOf(digest);
    this.#digests.set(key, entry * words);
    this.#sizes[entry] = size;
    this.#facts[entry] = this.#numberOf(scope) * 16 + algorithms.indexOf(algorithmOf(digest)) * 2 + (held ? 1 : 0);
    this.#place(entry);
    this.#missing.set(size, (this.#missing.get(size) ?? 0) + (held ? 0 : 1));
    if (!held) this.#algorithms.add(algorithmOf(digest));
  }

  scope(entry: number): string {
    return this.#scopes[this.#scopeOf(entry)] ?? '';
  }

  held(entry: number): boolean {
    return ((this.#facts[entry] ?? 0) & 1) === 1;
  }

  /** It was missing, and is held from now on. */
  took(entry: number): void {
    if (this.held(entry)) return;
    this.#facts[entry] = (this.#facts[entry] ?? 0) | 1;
    const size = this.#sizes[entry] ?? 0;
    this.#missing.set(size, (this.#missing.get(size) ?? 1) - 1);
  }

  #scopeOf(entry: number): number {
    return (this.#facts[entry] ?? 0) >>> 4;
  }

  #numberOf(scope: string): number {
    let number = this.#scopeNumbers.get(scope);
    if (number === undefined) {
      number = this.#scopes.push(scope) - 1;
      this.#scopeNumbers.set(scope, number);
    }
    return number;
  }

  #slotOf(word: number): number {
    return word % this.#slots.length;
  }

  #place(entry: number): void {
    let slot = this.#slotOf(this.#digests[entry * words] ?? 0);
    while (this.#slots[slot] !== 0) slot = (slot + 1) % this.#slots.length;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const length = Math.ceil(this.#sizes.length * 1.5);
    const [digests, sizes, facts] = [this.#digests, this.#sizes, this.#facts];
    this.#digests = new Uint32Array(length * words);
    this.#sizes = new Float64Array(length);
    this.#facts = new Uint32Array(length);
    this.#digests.set(digests);
    this.#sizes.set(sizes);
    this.#facts.set(facts);
    this.#slots = new Uint32Array(length * 2);
    for (let entry = 0; entry < this.#count; entry += 1) this.#place(entry);
  }
}

function wordsOf(digest: Digest): [number, number, number, number] {
  const hex = hexOf(digest);
  const word = (at: number): number => Number.parseInt(hex.slice(at * 8, at * 8 + 8), 16);
  return [word(0), word(1), word(2), word(3)];
}
