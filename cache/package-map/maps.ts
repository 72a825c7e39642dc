import { join } from 'node:path';
import { hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { Disk } from '../disk.ts';
import type { Layout } from '../layout.ts';
import { PackageMap } from './reader.ts';
import { PackageMapWriter } from './writer.ts';

/** The package maps on disk, opened when first asked for and shared by all generations with the same primary. */
export class Maps {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #open = new Map<Digest, Promise<PackageMap | null>>();

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
  }

  /** @returns null when there is none. */
  get(primary: Digest): Promise<PackageMap | null> {
    let map = this.#open.get(primary);
    if (map === undefined) {
      map = PackageMap.open(this.#disk, this.#layout.map(primary));
      this.#open.set(primary, map);
      const forget = (): void => {
        if (this.#open.get(primary) === map) this.#open.delete(primary);
      };
      // Absence is not remembered: the map may be written next.
      map.then((found) => found === null && forget(), forget);
    }
    return map;
  }

  /** Writes the map of a primary: complete or not at all. `write` adds the entries in any order. */
  async make(primary: Digest, write: (to: PackageMapWriter) => Promise<void>): Promise<PackageMap> {
    const writer = new PackageMapWriter();
    await write(writer);
    const part = join(this.#layout.parts, `map-${hexOf(primary)}`);
    await writer.finish(this.#disk, part, this.#layout.map(primary));
    this.#open.delete(primary);
    const map = await this.get(primary);
    if (map === null) throw new Error(`the map just written cannot be read: ${primary}`);
    return map;
  }
}
