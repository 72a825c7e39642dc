import { algorithmOf, digestOf, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

/**
 * Whose files are whose: blobs are shared, possession is not. A scope with credentials counts on a file once it has
 * fetched it itself: its proof is an empty object beside the content. What came with credentials first is closed to the
 * scope `open` until that has fetched it, too. So nobody gets a guarded file by listing its digest.
 */
export class Possession {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Where the bytes of a file are. Digests that can be forged name files of one scope only. */
  keyOf(scope: string, { digest }: Pick<Listed, 'digest'>): string {
    const owner = ownerOf(scope, digest);
    return owner === '' ? keysOf.blob(digest) : keysOf.ownBlob(digest, owner);
  }

  /** Whether the store has the file, and this scope may count on it. */
  async holds(scope: string, listed: Listed): Promise<boolean> {
    return (await this.#store.has(this.keyOf(scope, listed))) === listed.size && this.may(scope, listed);
  }

  /** Whether this scope may count on a file that the store has. */
  async may(scope: string, listed: Pick<Listed, 'digest'>): Promise<boolean> {
    const [mark, means] =
      scope === 'open' ? [keysOf.closed(listed.digest), false] : [keysOf.proof(listed.digest, short(scope)), true];
    return ((await this.#store.has(mark)) !== null) === means;
  }

  /** Bytes of a file whose metadata does not say them; null: the store does not have it. */
  size(scope: string, digest: Digest): Promise<number | null> {
    return this.#store.has(this.keyOf(scope, { digest }));
  }

  /** A scope is about to store a file that is not there yet: before its bytes have their name. */
  async closing(scope: string, digest: Digest): Promise<void> {
    if (scope !== 'open') await this.#mark(keysOf.closed(digest));
  }

  /** A scope has fetched a file itself. */
  async proven(scope: string, digest: Digest): Promise<void> {
    if (scope === 'open') {
      // Mostly there is none: to look costs less than a removal, which excludes every other change.
      if ((await this.#store.has(keysOf.closed(digest))) !== null) await this.#store.delete(keysOf.closed(digest));
    } else await this.#mark(keysOf.proof(digest, short(scope)));
  }

  async #mark(key: string): Promise<void> {
    await this.#store.putIfAbsent(key, wholeObject(Buffer.alloc(0)));
  }
}

/** Whose file it is alone, as a part of its key; '': it is shared. */
export function ownerOf(scope: string, digest: Digest): string {
  const algorithm = algorithmOf(digest);
  return algorithm === 'md5' || algorithm === 'sha1' ? short(scope) : '';
}

/** A scope as a part of a key. */
function short(scope: string): string {
  return hexOf(digestOf(scope)).slice(0, 16);
}
