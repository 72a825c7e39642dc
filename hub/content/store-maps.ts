import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { digestFrom, hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Disk } from '../../disk/disk.ts';
import { PackageMap } from '../../maps/reader.ts';
import { PackageMapWriter } from '../../maps/writer.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { objectChunks } from './object-chunks.ts';

/** Open maps that are kept at a time. */
const mostOpen = 64;

/**
 * Package maps of a store. They are read at places all over, so a local folder has copies of those in use; it may be
 * emptied whenever the process is stopped.
 */
export class StoreMaps {
  readonly #store: ObjectStore;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #open = new Map<Digest, Promise<PackageMap | null>>();

  /** @param folder of this process, absolute; made when absent. */
  constructor(options: { store: ObjectStore; disk: Disk; folder: string }) {
    this.#store = options.store;
    this.#disk = options.disk;
    this.#folder = options.folder;
  }

  /** null when the store has no such map that this version can read. */
  async get(primary: Digest): Promise<PackageMap | null> {
    const opening = this.#open.get(primary) ?? this.#fetched(primary);
    this.#open.delete(primary);
    this.#open.set(primary, opening);
    const map = await opening.catch((error: unknown) => {
      this.#open.delete(primary);
      throw error;
    });
    if (map === null || map.damaged) this.#open.delete(primary);
    for (const [oldest, other] of this.#open) {
      if (this.#open.size <= mostOpen) break;
      this.#open.delete(oldest);
      void other.then((opened) => opened?.close()).catch(() => {});
    }
    return map?.damaged === true ? null : map;
  }

  /** Writes a map into the store: as a whole, or not at all. `write` adds the entries in any order. */
  async make(primary: Digest, write: (to: PackageMapWriter) => Promise<void>): Promise<PackageMap> {
    const writer = new PackageMapWriter();
    await write(writer);
    await this.#disk.makeFolder(this.#folder);
    const path = this.#path(primary);
    await writer.finish(this.#disk, `${path}.${randomBytes(6).toString('hex')}`, path);
    const map = await PackageMap.open(this.#disk, path);
    if (map === null) throw new WaystationError('disk_failing', `${path}: what was just written cannot be read`);
    const file = await this.#disk.openRead(path);
    if (file === null) throw new WaystationError('disk_failing', `${path}: what was just written is gone`);
    const source = { size: file.size, read: file.read.bind(file), release: () => void file.close().catch(() => {}) };
    // In the place of one that cannot be read, as well.
    await this.#store.delete(keysOf.map(primary));
    await this.#store.putIfAbsent(keysOf.map(primary), { size: file.size, chunks: objectChunks(source) });
    this.#open.set(primary, Promise.resolve(map));
    return map;
  }

  /** Removes the local copies that nobody needs any more; who has one open goes on reading it. */
  async tidy(isNeeded: (primary: Digest) => boolean): Promise<void> {
    for (const name of await this.#disk.list(this.#folder)) {
      const primary = digestFrom('sha256', name);
      if (primary === null || isNeeded(primary)) continue;
      this.#open.delete(primary);
      await this.#disk.unlink(this.#path(primary));
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const opening of open) (await opening.catch(() => null))?.close();
  }

  async #fetched(primary: Digest): Promise<PackageMap | null> {
    const path = this.#path(primary);
    const local = await PackageMap.open(this.#disk, path);
    if (local !== null) return local;
    const object = await this.#store.open(keysOf.map(primary));
    if (object === null) return null;
    await this.#disk.makeFolder(this.#folder);
    const part = `${path}.${randomBytes(6).toString('hex')}`;
    const file = await this.#disk.openPart(part);
    try {
      let position = 0;
      for await (const chunk of objectChunks(object)) {
        await file.write([chunk], position);
        position += chunk.length;
      }
      await this.#disk.rename(part, path);
    } finally {
      await file.close();
      await this.#disk.unlink(part).catch(() => {});
    }
    return PackageMap.open(this.#disk, path);
  }

  #path(primary: Digest): string {
    return join(this.#folder, hexOf(primary));
  }
}
