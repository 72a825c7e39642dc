import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { transferChunks } from './transfer-chunks.ts';

/** The bytes were not those listed: what was written is given up, and another source begins from the start. */
class Lied extends Error {}

/**
 * Brings a listed file into the store under `key`, proven before it has its name: source after source, from where a cut
 * one ended, and anew after one that lied. @throws WaystationError when no source can give it, or the store takes it not.
 */
export async function receive(
  { store, key, listed, loader }: { store: ObjectStore; key: string; listed: Listed; loader: Loader },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const ending = new AbortController();
    const until = AbortSignal.any([signal, ending.signal]);
    let proven = false;
    const chunks = async function* watched(): AsyncGenerator<Buffer> {
      yield* provenChunks(listed, loader, until);
      proven = true;
    };
    try {
      await store.putIfAbsent(key, { size: listed.size, chunks: chunks() });
      // It was there already. Who asks for it has to prove all the same that its own sources have it.
      if (!proven) for await (const chunk of chunks()) void chunk;
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Lied)) throw error;
    } finally {
      // A store that failed in the midst takes no more: neither does the connection.
      ending.abort();
    }
  }
}

/** The bytes of a listed file; they end without an error only if they are right. */
async function* provenChunks(listed: Listed, loader: Loader, signal: AbortSignal): AsyncGenerator<Buffer> {
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
}
