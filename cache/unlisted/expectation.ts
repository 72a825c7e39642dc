import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Digest, Hasher } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { tailOf } from '../fills/growing.ts';

/** What the cache is told of an unlisted file: the digest that something else than the repository's metadata gives it. */
export interface Expectation {
  readonly digest: Digest;
  /** The upstream gave other bytes: they are wrong, or the digest is out of date. */
  readonly disproved: () => void;
}

/** Bytes held back of a file whose length is not known: as of a large one. */
const unknownTail = 65_536;

/** Compares bytes that arrive in order with what is expected of them. Ended once, by `require`. */
export class Comparison {
  readonly #expected: Expectation;
  readonly #hasher: Hasher;

  constructor(expected: Expectation) {
    this.#expected = expected;
    this.#hasher = hasher(algorithmOf(expected.digest));
  }

  update(chunk: Buffer): void {
    this.#hasher.update(chunk);
  }

  /** @throws WaystationError `upstream_lied` when they were others. */
  require(source: string): void {
    if (this.#hasher.digest() === this.#expected.digest) return;
    this.#expected.disproved();
    throw new WaystationError('upstream_lied', `${source} is not the file that its tree lists`);
  }
}

/** How many of the first `arrived` bytes may leave before the digest is right. @param total null: not known. */
export function unproven(arrived: number, total: number | null): number {
  return Math.max(0, total === null ? arrived - unknownTail : Math.min(arrived, total - tailOf(total)));
}
