import type { Listed } from '../../base/digest.ts';
import type { Loader } from '../../base/transfer.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { Lied, provenChunks } from './proven-chunks.ts';

const over = new Error('nobody takes the rest');

/**
 * Brings a listed file into the store under `key`, proven before it has its name: source after source, from where a cut
 * one ended, and anew after one that lied. @throws WaystationError when no source can give it, or the store takes it not.
 */
export async function receive(
  { store, key, listed, loader }: { store: ObjectStore; key: string; listed: Listed; loader: Loader },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    // A signal of its own: one that follows several is slow, and there is one for each file.
    const ending = new AbortController();
    const follow = (): void => ending.abort(signal.reason);
    signal.addEventListener('abort', follow, { once: true });
    if (signal.aborted) follow();
    let proven = false;
    const chunks = async function* watched(): AsyncGenerator<Buffer> {
      yield* provenChunks(listed, loader, ending.signal);
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
      signal.removeEventListener('abort', follow);
      // A store that failed in the midst takes no more: neither does the connection.
      ending.abort(over);
    }
  }
}
