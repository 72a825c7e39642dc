import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import { transferChunks } from './transfer-chunks.ts';

/** The bytes were not those listed: what was written is given up, and another source begins from the start. */
export class Lied extends Error {}

/**
 * The bytes of a listed file, source after source from where a cut one ended; they end without an error only if they
 * are right. @throws Lied when they are not: the loader knows who gave them, and another call asks the next.
 */
export async function* provenChunks(listed: Listed, loader: Loader, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { size, digest } = listed;
  const hash = hasher(algorithmOf(digest));
  const givers = new Set<Transfer>();
  let taken = 0;
  const lied = (...transfers: readonly Transfer[]): never => {
    for (const transfer of transfers) loader.lied(transfer);
    throw new Lied();
  };
  while (taken < size || givers.size === 0) {
    const transfer = await loader.open(taken, signal);
    if (transfer.offset !== taken || (transfer.total !== null && transfer.total !== size)) {
      transfer.cancel();
      lied(transfer);
    }
    givers.add(transfer);
    try {
      for await (const chunk of transferChunks(transfer)) {
        if (taken + chunk.length > size) lied(transfer);
        hash.update(chunk);
        taken += chunk.length;
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      // The loader knows how often it makes sense to ask again, and says when no more.
      if (error instanceof Lied || asWaystationError(error).source !== 'origin') throw error;
      continue;
    }
    // A body that ended as its framing promised, but too early: no cut, a lie.
    if (taken < size) lied(transfer);
  }
  if (hash.digest() !== digest) lied(...givers);
  // Its last chunk is taken: who comes next may begin while the store makes it durable.
  loader.received?.();
}
