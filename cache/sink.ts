import { algorithmOf, digestOf, hasher, hexOf } from '../base/digest.ts';
import type { Digest, Listed } from '../base/digest.ts';
import { systemCode, WaystationError } from '../base/errors.ts';
import type { Loader } from '../base/transfer.ts';
import type { BlobStore } from './blobs/blob-store.ts';
import { HeldSizes } from './blobs/held-sizes.ts';
import type { Claims } from './blobs/claims.ts';
import { diskError } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { discardPart, filePart } from './fills/fill-place.ts';
import type { Fills } from './fills/fills.ts';
import { passingPart } from './disk/layout.ts';
import type { Layout } from './disk/layout.ts';
import type { Maps } from './maps.ts';
import type { MapEntry, PackageMap } from '../maps/reader.ts';
import type { PackageMapWriter } from '../maps/writer.ts';
import type { Reserving, Space } from './space/space.ts';

/** Bytes of one read of a held file. */
const readSize = 256 * 1024;

/** What a package map says of itself. */
export interface MapSummary {
  readonly packages: number;
  readonly bytes: number;
  readonly unservable: number;
}

/** A file that is to be held, and who can bring it. */
interface Ensured {
  readonly scope: string;
  readonly listed: Listed;
  readonly loader: Loader;
}

/** The store as a sync sees it: the place where proven files go. */
export class CacheSink {
  readonly sizes: HeldSizes;
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #fills: Fills;
  readonly #maps: Maps;
  readonly #space: Space;
  readonly #room: Reserving;
  readonly #claims: Claims;

  constructor(options: {
    disk: Disk;
    layout: Layout;
    blobs: BlobStore;
    fills: Fills;
    maps: Maps;
    space: Space;
    room: Reserving;
    claims: Claims;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.sizes = new HeldSizes(options.disk, options.layout);
    this.#fills = options.fills;
    this.#maps = options.maps;
    this.#space = options.space;
    this.#room = options.room;
    this.#claims = options.claims;
  }

  size(scope: string, digest: Digest): Promise<number | null> {
    return this.sizes.of(scope, digest);
  }

  holds(scope: string, listed: Listed): boolean | Promise<boolean> {
    this.#claims.claim(scope, listed.digest);
    return this.#blobs.holds(scope, listed);
  }

  ensure(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void> {
    const held = this.holds(scope, listed);
    // Nothing is reserved before it is the file's turn.
    const turn = held === false ? (loader.turn?.(signal) ?? false) : false;
    // As mostly in a sync: not held, and nothing to wait for.
    if (held === false && turn === false) return this.#fill({ scope, listed, loader }, signal);
    return this.#ensureInTurn({ scope, listed, loader }, held, turn, signal);
  }

  async #ensureInTurn(
    file: Ensured,
    held: boolean | Promise<boolean>,
    turn: boolean | Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void> {
    const { scope, listed, loader } = file;
    if (await held) return;
    this.#claims.begun(scope, listed.digest);
    try {
      // Whoever waited may find that somebody else had it fetched meanwhile.
      const waited = await (held === false ? turn : (loader.turn?.(signal) ?? false));
      if (!waited || !(await this.holds(scope, listed)))
        await this.#fills.ensure({ scope, listed, loader: () => loader, teller: loader }, signal);
      if (this.#claims.claim(scope, listed.digest)) return;
    } finally {
      loader.done?.();
      this.#claims.ended(scope, listed.digest);
    }
    await this.#again(file, signal);
  }

  #fill(file: Ensured, signal: AbortSignal): Promise<void> {
    const { scope, listed, loader } = file;
    this.#claims.begun(scope, listed.digest);
    const ended = (): boolean => {
      const isThere = this.#claims.claim(scope, listed.digest);
      loader.done?.();
      this.#claims.ended(scope, listed.digest);
      return isThere;
    };
    return this.#fills.ensure({ scope, listed, loader: () => loader, teller: loader }, signal).then(
      () => (ended() ? undefined : this.#again(file, signal)),
      (error: unknown) => {
        ended();
        throw error;
      },
    );
  }

  /** It is gone again: the fill that has just ended was of a file that was removed since. */
  async #again({ scope, listed, loader }: Ensured, signal: AbortSignal): Promise<void> {
    // Asked at once, that fill would say again that it is held.
    await this.#fills.gone({ scope, listed }, signal);
    await this.ensure(scope, listed, loader, signal);
  }

  async keep(scope: string, bytes: Buffer): Promise<Listed> {
    const listed: Listed = { digest: digestOf(bytes), size: bytes.length };
    if (await this.holds(scope, listed)) return listed;
    await this.#claims.during(scope, listed.digest, async () => {
      await this.#write(scope, listed, bytes);
      this.#claims.claim(scope, listed.digest);
    });
    return listed;
  }

  async #write(scope: string, listed: Listed, bytes: Buffer): Promise<void> {
    const reservation = await this.#room.reserve(bytes.length);
    if (reservation === null) throw new WaystationError('disk_full', 'no space to keep repository metadata');
    const part = passingPart(this.#layout, `kept-${hexOf(listed.digest)}`);
    try {
      const file = await filePart(this.#disk, part, bytes);
      try {
        await this.#blobs.commit({ part: file, scope, listed, sha256: listed.digest, reservation });
      } finally {
        file.release();
      }
    } catch (error) {
      await discardPart(this.#disk, part, reservation);
      this.#space.failed(error);
      throw error;
    }
  }

  async *read(scope: string, listed: Listed): AsyncGenerator<Buffer> {
    const blob = await this.#blobs.open(scope, listed);
    if (blob === null) throw new WaystationError('blob_damaged', `${listed.digest} is not held`);
    try {
      for (let position = 0; position < listed.size;) {
        const buffer = Buffer.allocUnsafe(Math.min(readSize, listed.size - position));
        const count = await blob.read(buffer, position, buffer.length);
        yield buffer.subarray(0, count);
        position += count;
      }
    } finally {
      blob.release();
    }
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
    if (map === null) throw new WaystationError('blob_damaged', `the package map of ${primary} is not there`);
    yield* map.blocks();
  }

  /** What a package map lists by this href; null: nothing. @throws WaystationError when the map is lost or damaged. */
  async find(primary: Digest, href: string): Promise<Listed | null> {
    const map = await this.#maps.get(primary);
    if (map === null) throw new WaystationError('blob_damaged', `the package map of ${primary} is not there`);
    return map.find(href);
  }

  async map(primary: Digest): Promise<MapSummary | null> {
    this.#claims.claimMap(primary);
    const map = await this.#maps.get(primary);
    if (map === null) return null;
    try {
      // Who finds it publishes what refers to it; it may be of a process that was killed before it synced the name.
      await this.#maps.settle();
    } catch (error) {
      throw diskError(error, this.#layout.map(primary));
    }
    return summary(map);
  }

  async writeMap(primary: Digest, write: (to: PackageMapWriter) => Promise<void>): Promise<MapSummary> {
    this.#claims.claimMap(primary);
    try {
      return summary(await this.#maps.make(primary, write));
    } catch (error) {
      throw systemCode(error) === null ? error : diskError(error, this.#layout.map(primary));
    }
  }
}

function summary({ header }: PackageMap): MapSummary {
  return { packages: header.packages, bytes: header.bytes, unservable: header.unservable };
}
