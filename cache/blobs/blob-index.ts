import { hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';

/**
 * Which blobs are held, in memory: for counting only. A hit opens the path that the digest names, so this can never be
 * wrong about content. Keys are 52 bits of digest and scope: of 1,000,000 blobs one pair collides with p ≈ 10⁻⁴.
 */
export class BlobIndex {
  readonly #keys = new Set<number>();
  /** Grows with every change; what was counted at another version is out of date. */
  version = 0;

  get size(): number {
    return this.#keys.size;
  }

  has(scope: string, digest: Digest): boolean {
    return this.#keys.has(keyOf(scope, digest));
  }

  /** @returns false when it was there already. */
  add(scope: string, digest: Digest): boolean {
    const before = this.#keys.size;
    this.#keys.add(keyOf(scope, digest));
    this.version += 1;
    return this.#keys.size > before;
  }

  delete(scope: string, digest: Digest): void {
    if (this.#keys.delete(keyOf(scope, digest))) this.version += 1;
  }
}

function keyOf(scope: string, digest: Digest): number {
  const key = Number.parseInt(hexOf(digest).slice(0, 13), 16);
  return scope === 'open' ? key : (key + scopeNumber(scope)) % 2 ** 52;
}

const scopeNumbers = new Map<string, number>();

function scopeNumber(scope: string): number {
  let number = scopeNumbers.get(scope);
  if (number === undefined) {
    number = 0;
    for (const character of scope) number = (number * 65_599 + character.charCodeAt(0)) % 2 ** 51;
    scopeNumbers.set(scope, number);
  }
  return number;
}
