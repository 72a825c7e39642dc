import type { Digest } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { PlanRoom } from '../../base/plan.ts';
import type { MapPackage } from '../../mirror/fetch-order.ts';
import type { Stored } from '../../sync/plan/stored.ts';
import type { MemorySink } from './memory-sink.ts';

/** What a `MemorySink` holds, on a disk of as many free bytes as the test says, of which nothing can be evicted. */
export class MemoryStored implements Stored {
  readonly counted = Promise.resolve();
  readonly #sink: MemorySink;
  free = Number.MAX_SAFE_INTEGER;

  constructor(sink: MemorySink) {
    this.#sink = sink;
  }

  holds(scope: string, digest: Digest): boolean {
    return this.#sink.scopesOf(digest).includes(scope);
  }

  storedElsewhere(digest: Digest): boolean {
    return this.#sink.scopesOf(digest).length > 0;
  }

  sizeOf(digest: Digest): number | null {
    return this.#sink.sizeOf(digest);
  }

  mayBeEvicted(): boolean {
    return false;
  }

  packages(map: Digest): AsyncIterable<MapPackage> {
    return this.#sink.packages(map);
  }

  async need(
    path: string,
    document: RepositoryDocument & { readonly map: Digest },
    denied: (digest: Digest) => boolean,
  ): Promise<{ files: number; bytes: number; listed: number }> {
    const need = { files: 0, bytes: 0, listed: 0 };
    for await (const { listed } of this.packages(document.map)) {
      const held = this.holds(possessionScope(document.scope, path, listed), listed.digest);
      if (!held && denied(listed.digest)) continue;
      need.listed += listed.size;
      if (held) continue;
      need.files += 1;
      need.bytes += listed.size;
    }
    return need;
  }

  async room(needed: number): Promise<PlanRoom> {
    const { free } = this;
    return { needed, evictable: 0, used: 0, max: free, free, keepFree: 0, fits: needed <= free };
  }
}
