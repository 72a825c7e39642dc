import { algorithmOf, digestOf, hasher } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Loader } from '../../base/transfer.ts';
import type { MapEntry, PackageMap } from '../../maps/reader.ts';
import type { MapSummary, MapWriter, SizingSink } from '../../mirror/sink.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { objectChunks } from './object-chunks.ts';
import { Possession } from './possession.ts';
import { receive } from './receive.ts';
import type { StoreMaps } from './store-maps.ts';

/** A hub's store as the place where proven files go: what a PoP's cache is to the same readers. */
export class StoreSink implements SizingSink {
  readonly #store: ObjectStore;
  readonly #maps: StoreMaps;
  readonly #possession: Possession;
  /** Files on their way: who asks for one of them meanwhile gets the same transfer. */
  readonly #coming = new Map<string, Promise<void>>();

  constructor(options: { store: ObjectStore; maps: StoreMaps }) {
    this.#store = options.store;
    this.#maps = options.maps;
    this.#possession = new Possession(options.store);
  }

  holds(scope: string, listed: Listed): Promise<boolean> {
    return this.#possession.holds(scope, listed);
  }

  size(scope: string, digest: Digest): Promise<number | null> {
    return this.#possession.size(scope, digest);
  }

  async ensure(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void> {
    const name = `${scope} ${listed.digest}`;
    for (;;) {
      const joined = this.#coming.get(name);
      if (joined === undefined) {
        const coming = this.#fetch(scope, listed, loader, signal).finally(() => {
          loader.done?.();
          this.#coming.delete(name);
        });
        this.#coming.set(name, coming);
        return coming;
      }
      try {
        return await joined;
      } catch (thrown) {
        if (asWaystationError(thrown).source !== 'origin') throw thrown;
      }
    }
  }

  async keep(scope: string, bytes: Buffer): Promise<Listed> {
    const listed: Listed = { digest: digestOf(bytes), size: bytes.length };
    const there = await this.#there(scope, listed);
    await this.#stored({ scope, listed, there }, async (key) => {
      await this.#store.putIfAbsent(key, wholeObject(bytes));
    });
    return listed;
  }

  /** Takes a file that is proven already into the store, as one that this scope has fetched itself. */
  async adopt(scope: string, listed: Listed, chunks: AsyncIterable<Buffer>): Promise<void> {
    const there = await this.#there(scope, listed);
    await this.#stored({ scope, listed, there }, async (key) => {
      await this.#store.putIfAbsent(key, { size: listed.size, chunks });
    });
  }

  async *read(scope: string, listed: Listed): AsyncGenerator<Buffer> {
    const isHeld = await this.holds(scope, listed);
    const object = isHeld ? await this.#store.open(this.#possession.keyOf(scope, listed)) : null;
    if (object === null) throw new WaystationError('blob_damaged', `${listed.digest} is not held`);
    yield* objectChunks(object);
  }

  async sha256(scope: string, listed: Listed): Promise<Digest> {
    if (algorithmOf(listed.digest) === 'sha256') return listed.digest;
    const sha256 = hasher('sha256');
    for await (const chunk of this.read(scope, listed)) sha256.update(chunk);
    return sha256.digest();
  }

  async *packages(primary: Digest): AsyncGenerator<MapEntry> {
    for await (const block of this.packageBlocks(primary)) for (const entry of block) yield entry;
  }

  async *packageBlocks(primary: Digest): AsyncGenerator<readonly MapEntry[]> {
    const map = await this.#maps.get(primary);
    if (map === null) throw new WaystationError('blob_damaged', `the package map of ${primary} is not in the store`);
    yield* map.blocks();
  }

  async map(primary: Digest): Promise<MapSummary | null> {
    // A copy on the local disk outlives what was collected.
    if ((await this.#store.has(keysOf.map(primary))) === null) return null;
    const map = await this.#maps.get(primary);
    return map === null ? null : summary(map);
  }

  async writeMap(primary: Digest, write: (to: MapWriter) => Promise<void>): Promise<MapSummary> {
    return summary(await this.#maps.make(primary, write));
  }

  async #fetch(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void> {
    const there = await this.#there(scope, listed);
    if (there === listed.size && (await this.#possession.may(scope, listed))) return;
    const from = { store: this.#store, listed, loader };
    await this.#stored({ scope, listed, there }, (key) => receive({ ...from, key }, signal));
  }

  /** Bytes that the store has under a file's name; null: nothing. */
  #there(scope: string, listed: Listed): Promise<number | null> {
    return this.#store.has(this.#possession.keyOf(scope, listed));
  }

  /**
   * Takes away a file that somebody else has cut, such as a backup that was restored in part: what is put if absent would
   * not mend it. @throws WaystationError `upstream_lied` when it is right, and the metadata wrong that asks for another.
   */
  async #notCut(key: string, { digest, size: listed }: Listed, size: number): Promise<void> {
    const object = await this.#store.open(key);
    if (object === null) return;
    const hash = hasher(algorithmOf(digest));
    for await (const chunk of objectChunks(object)) hash.update(chunk);
    if (hash.digest() === digest)
      throw new WaystationError('upstream_lied', `${digest} has ${size} bytes, and is listed with ${listed}`);
    await this.#store.delete(key);
  }

  /** In the order in which a crash in between opens nothing: closed first, then the bytes, then the proof. */
  async #stored(
    { scope, listed, there }: { readonly scope: string; readonly listed: Listed; readonly there: number | null },
    bring: (key: string) => Promise<void>,
  ): Promise<void> {
    const key = this.#possession.keyOf(scope, listed);
    if (there !== null && there !== listed.size) await this.#notCut(key, listed, there);
    if (there !== listed.size) await this.#possession.closing(scope, listed.digest);
    await bring(key);
    await this.#possession.proven(scope, listed.digest);
  }
}

function summary({ header }: PackageMap): MapSummary {
  return { packages: header.packages, bytes: header.bytes, unservable: header.unservable };
}
