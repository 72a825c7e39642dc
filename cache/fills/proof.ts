import { algorithmOf, digestOf, hasher } from '../../base/digest.ts';
import type { Digest, Hasher, Listed } from '../../base/digest.ts';
import { MemoryPart } from './part.ts';
import type { Part } from './part.ts';

/** The digests of a file that arrives: as listed, and its sha256, which is another when another algorithm lists it. */
export interface Proof {
  /** The next bytes of the part, in order. */
  update(chunk: Buffer): void;
  /** All of them have come. Called once. */
  end(): Proven;
}

export interface Proven {
  readonly listed: Digest;
  readonly sha256: Digest;
}

/**
 * What is in memory is hashed when it is whole: one call for a small file costs two thirds of what three take, and a
 * state that lives as long as the transfer.
 */
export function proofOf(listed: Listed, part: Part): Proof {
  return part instanceof MemoryPart ? new WholeProof(listed, part) : new GrowingProof(listed);
}

class WholeProof implements Proof {
  readonly #listed: Listed;
  readonly #part: MemoryPart;

  constructor(listed: Listed, part: MemoryPart) {
    this.#listed = listed;
    this.#part = part;
  }

  update(): void {}

  end(): Proven {
    const algorithm = algorithmOf(this.#listed.digest);
    const listed = digestOf(this.#part.bytes, algorithm);
    return { listed, sha256: algorithm === 'sha256' ? listed : digestOf(this.#part.bytes) };
  }
}

class GrowingProof implements Proof {
  readonly #listed: Hasher;
  readonly #sha256: Hasher | null;

  constructor(listed: Listed) {
    this.#listed = hasher(algorithmOf(listed.digest));
    this.#sha256 = algorithmOf(listed.digest) === 'sha256' ? null : hasher('sha256');
  }

  update(chunk: Buffer): void {
    this.#listed.update(chunk);
    this.#sha256?.update(chunk);
  }

  end(): Proven {
    const listed = this.#listed.digest();
    return { listed, sha256: this.#sha256?.digest() ?? listed };
  }
}
