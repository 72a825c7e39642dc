import { algorithmOf, digestOf, hasher } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Unservable } from '../../base/package-entry.ts';
import type { Loader } from '../../base/transfer.ts';
import type { MapPackage } from '../../mirror/fetch-order.ts';
import type { MapSummary, MapWriter, SizingSink } from '../../mirror/sink.ts';

/** A whole package map. */
export interface MemoryMap {
  readonly entries: ReadonlyMap<string, MapPackage>;
  readonly unservable: readonly Unservable[];
}

/** A complete sink that keeps everything in memory, with the promises of the port: verified, by scope, shared fills. */
export class MemorySink implements SizingSink {
  readonly #blobs = new Map<string, Buffer>();
  readonly #fills = new Map<string, Promise<void>>();
  readonly #maps = new Map<Digest, MemoryMap>();

  holds(scope: string, listed: Listed): boolean {
    return this.#blobs.get(name(scope, listed))?.length === listed.size;
  }

  async size(scope: string, digest: Digest): Promise<number | null> {
    const key = [...this.#blobs.keys()].find((each) => each.startsWith(`${scope} ${digest} `));
    return key === undefined ? null : (this.#blobs.get(key)?.length ?? null);
  }

  async ensure(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void> {
    const key = name(scope, listed);
    for (;;) {
      if (this.holds(scope, listed)) return;
      const joined = this.#fills.get(key);
      if (joined === undefined) {
        const fill = this.#fill(key, listed, loader, signal)
          .finally(() => this.#fills.delete(key))
          .finally(() => loader.received?.());
        this.#fills.set(key, fill);
        return fill;
      }
      try {
        return await joined;
      } catch (thrown) {
        if (asWaystationError(thrown).source !== 'origin') throw thrown;
      }
    }
  }

  keep(scope: string, bytes: Buffer): Promise<Listed> {
    const listed = { digest: digestOf(bytes), size: bytes.length };
    this.#blobs.set(name(scope, listed), Buffer.from(bytes));
    return Promise.resolve(listed);
  }

  async *read(scope: string, listed: Listed): AsyncIterable<Buffer> {
    const bytes = this.#held(scope, listed);
    for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024);
  }

  async sha256(scope: string, listed: Listed): Promise<Digest> {
    return digestOf(this.#held(scope, listed));
  }

  async map(primary: Digest): Promise<MapSummary | null> {
    const map = this.#maps.get(primary);
    return map === undefined ? null : summary(map);
  }

  async writeMap(primary: Digest, write: (add: MapWriter) => Promise<void>): Promise<MapSummary> {
    const entries = new Map<string, MapPackage>();
    const unservable: Unservable[] = [];
    const conflicting = new Set<string>();
    await write({
      add: (entry) => {
        const other = entries.get(entry.href);
        if (other !== undefined && other.listed.digest !== entry.listed.digest) conflicting.add(entry.href);
        entries.set(entry.href, entry);
      },
      unservable: (entry) => unservable.push(entry),
    });
    for (const href of conflicting) {
      entries.delete(href);
      unservable.push({ href, reason: 'duplicate' });
    }
    const map = { entries, unservable };
    this.#maps.set(primary, map);
    return summary(map);
  }

  async *packageBlocks(primary: Digest): AsyncIterable<readonly MapPackage[]> {
    yield [...(this.#maps.get(primary)?.entries.values() ?? [])];
  }

  async *packages(primary: Digest): AsyncIterable<MapPackage> {
    yield* this.#maps.get(primary)?.entries.values() ?? [];
  }

  /** The whole map, for tests to look into. */
  wholeMap(primary: Digest): MemoryMap | null {
    return this.#maps.get(primary) ?? null;
  }

  /** Loses a blob, as a damaged disk would. */
  lose(scope: string, listed: Listed): void {
    this.#blobs.delete(name(scope, listed));
  }

  /** The scopes that hold a file. */
  scopesOf(digest: Digest): string[] {
    return [...this.#blobs.keys()]
      .map((key) => key.split(' '))
      .flatMap(([scope = '', of]) => (of === digest ? [scope] : []));
  }

  /** Bytes of a file, whoever holds it. */
  sizeOf(digest: Digest): number | null {
    return [...this.#blobs].find(([key]) => key.split(' ')[1] === digest)?.[1].length ?? null;
  }

  /** How many blobs a scope holds. */
  count(scope: string): number {
    return [...this.#blobs.keys()].filter((key) => key.startsWith(`${scope} `)).length;
  }

  #held(scope: string, listed: Listed): Buffer {
    const bytes = this.#blobs.get(name(scope, listed));
    if (bytes === undefined) throw new WaystationError('blob_damaged', `${listed.digest} is not held by ${scope}`);
    return bytes;
  }

  /** One fill: goes on after a cut, and asks the next source after a lie, until the loader gives up. */
  async #fill(key: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void> {
    let chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const transfer = await loader.open(size, signal);
      try {
        await transfer.consume((chunk) => {
          chunks.push(Buffer.from(chunk));
          size += chunk.length;
          if (size > listed.size) throw new WaystationError('upstream_lied', `${transfer.source} sent too much`);
        });
        const hash = hasher(algorithmOf(listed.digest));
        for (const chunk of chunks) hash.update(chunk);
        if (size === listed.size && hash.digest() === listed.digest) break;
        throw new WaystationError('upstream_lied', `${transfer.source} sent other bytes`);
      } catch (thrown) {
        signal.throwIfAborted();
        if (asWaystationError(thrown).code !== 'upstream_lied') continue;
        loader.lied(transfer);
        chunks = [];
        size = 0;
      }
    }
    this.#blobs.set(key, Buffer.concat(chunks));
  }
}

function name(scope: string, listed: Listed): string {
  return `${scope} ${listed.digest} ${listed.size}`;
}

function summary({ entries, unservable }: MemoryMap): MapSummary {
  const bytes = [...entries.values()].reduce((sum, { listed }) => sum + listed.size, 0);
  return { packages: entries.size, bytes, unservable: unservable.length };
}
