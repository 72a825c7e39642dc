import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Digest, Hasher } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { tailOf } from '../fills/growing.ts';

/** Bytes held back of a file whose length is not known: as of a large one. */
const unknownTail = 65_536;

/** Compares bytes that arrive in order with what is expected of them. Ended once, by `require`. */
export class Comparison {
  readonly #expected: Digest;
  readonly #hasher: Hasher;

  /** @param expected of the whole: what something else than its origin says of it. */
  constructor(expected: Digest) {
    this.#expected = expected;
    this.#hasher = hasher(algorithmOf(expected));
  }

  update(chunk: Buffer): void {
    this.#hasher.update(chunk);
  }

  /** @throws WaystationError `upstream_lied` when they were others. */
  require(source: string): void {
    if (this.#hasher.digest() === this.#expected) return;
    throw new WaystationError('upstream_lied', `${source} is not the file that its tree lists`);
  }
}

/** How many of the first `arrived` bytes may leave before the digest is right. @param total null: not known. */
export function unproven(arrived: number, total: number | null): number {
  return Math.max(0, total === null ? arrived - unknownTail : Math.min(arrived, total - tailOf(total)));
}
