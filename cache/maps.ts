import { digestFrom, hexOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { diskError } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { DurableNames } from '../disk/durable-names.ts';
import { passingPart } from './disk/layout.ts';
import type { Layout } from './disk/layout.ts';
import { PackageMap } from '../maps/reader.ts';
import { PackageMapWriter } from '../maps/writer.ts';

/** The package maps on disk, opened when first asked for and shared by all generations with the same primary. */
export class Maps {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #open = new Map<Digest, Promise<PackageMap | null>>();
  readonly #names: DurableNames;
  readonly #removing = new Map<Digest, Promise<void>>();

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
    this.#names = new DurableNames(disk, layout.maps);
  }

  /** @returns null when there is none, or none that is whole as far as is known: it is made again from its primary. */
  async get(primary: Digest): Promise<PackageMap | null> {
    if (this.#removing.has(primary)) await this.#removing.get(primary);
    let opening = this.#open.get(primary);
    if (opening === undefined) {
      opening = PackageMap.open(this.#disk, this.#layout.map(primary));
      this.#open.set(primary, opening);
      opening.catch(() => this.#forget(primary, opening));
    }
    const map = await opening;
    // Absence is not remembered: the map may be written next.
    if (map === null) this.#forget(primary, opening);
    return map?.damaged === true ? null : map;
  }

  /** Whether a map is there and whole as far as its header and index tell; one that cannot be read is not. */
  async isWhole(primary: Digest): Promise<boolean> {
    const opening = this.#open.get(primary) ?? PackageMap.open(this.#disk, this.#layout.map(primary));
    const map = await opening.catch(() => null);
    if (map !== null && this.#open.get(primary) !== opening) map.close();
    return map?.damaged === false;
  }

  /** Writes the map of a primary: complete or not at all. `write` adds the entries in any order. */
  async make(primary: Digest, write: (to: PackageMapWriter) => Promise<void>): Promise<PackageMap> {
    // One that is going would take the new one with it.
    await this.#removing.get(primary);
    const writer = new PackageMapWriter();
    await write(writer);
    const part = passingPart(this.#layout, `map-${hexOf(primary)}`);
    try {
      await writer.finish(this.#disk, part, this.#layout.map(primary));
    } finally {
      // Also when it failed: the name may be there, and not synced.
      this.#names.given(this.#layout.maps);
    }
    const before = this.#open.get(primary);
    this.#open.delete(primary);
    await closeMap(before);
    const map = await this.get(primary);
    if (map === null) throw new Error(`the map just written cannot be read: ${primary}`);
    return map;
  }

  /** Resolves when the maps that are there outlive a power cut: before anything refers to one. @throws the disk's error. */
  settle(): Promise<void> {
    return this.#names.settle(this.#layout.maps);
  }

  /** The maps on disk; names that are none are passed over. @throws WaystationError */
  async stored(): Promise<readonly Digest[]> {
    try {
      const names = await this.#disk.list(this.#layout.maps);
      return names
        .filter((name) => /^[0-9a-f]{64}$/.test(name))
        .map((name) => digestFrom('sha256', name))
        .filter((digest) => digest !== null);
    } catch (error) {
      throw diskError(error, this.#layout.maps);
    }
  }

  /**
   * Removes a map that nothing refers to, and forgets it. Who reads from it goes on to the end.
   * @returns bytes given back. @throws WaystationError
   */
  async remove(primary: Digest): Promise<number> {
    const removal = this.#remove(primary);
    const ended = removal.then(
      () => {},
      () => {},
    );
    this.#removing.set(primary, ended);
    try {
      return await removal;
    } catch (error) {
      throw diskError(error, this.#layout.map(primary));
    } finally {
      this.#removing.delete(primary);
    }
  }

  async #remove(primary: Digest): Promise<number> {
    const path = this.#layout.map(primary);
    const opened = this.#open.get(primary);
    this.#open.delete(primary);
    await closeMap(opened);
    const facts = await this.#disk.facts(path);
    await this.#disk.unlink(path);
    return facts?.size ?? 0;
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map(closeMap));
  }

  #forget(primary: Digest, opening: Promise<PackageMap | null> | undefined): void {
    if (this.#open.get(primary) === opening) this.#open.delete(primary);
  }
}

async function closeMap(opening: Promise<PackageMap | null> | undefined): Promise<void> {
  (await opening?.catch(() => null))?.close();
}
