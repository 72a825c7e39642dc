import { dirname, join } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import type { Disk } from '../../disk/disk.ts';

/** Most bytes and files that are kept for whoever wants to look at them. They count nowhere as cache. */
const mostBytes = 64 * 1024 * 1024;
const mostFiles = 64;

/** Takes files that turned out wrong from their names: into `damaged/`, whose oldest leave when it is full. */
export class Quarantine {
  readonly #disk: Disk;
  readonly #folder: string;

  /** @param folder `damaged/`; made when first needed. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /**
   * Moves the file there under `name`; one that is larger than all of the folder may be, or finds no room, is removed.
   * Of one with other names only this name goes: it is kept by its last. One that is not there any more is no error.
   * @returns how many other names it has.
   * @throws the disk's error when the file stays where it is.
   */
  async take(path: string, name: string): Promise<number> {
    const facts = await this.#disk.facts(path).catch(() => ({ size: 0, links: 1 }));
    if (facts === null) return 0;
    if (facts.size > mostBytes || facts.links > 1) await this.#disk.unlink(path);
    else await this.#moveOrRemove(path, join(this.#folder, name));
    // After a power cut the wrong bytes would be back, with the time that says they are right.
    await this.#disk.syncFolder(dirname(path)).catch(() => {});
    await this.#prune().catch(() => {});
    return facts.links - 1;
  }

  async #moveOrRemove(path: string, aside: string): Promise<void> {
    try {
      await this.#disk.makeFolder(this.#folder);
      await this.#disk.rename(path, aside);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'ENOENT') throw error;
      await this.#disk.unlink(path);
    }
  }

  async #prune(): Promise<void> {
    const files: { path: string; size: number; changed: number }[] = [];
    for (const name of await this.#disk.list(this.#folder)) {
      const path = join(this.#folder, name);
      const facts = await this.#disk.facts(path);
      if (facts !== null) files.push({ path, size: facts.size, changed: facts.changed });
    }
    let bytes = 0;
    const newestFirst = files.toSorted((one, other) => other.changed - one.changed);
    for (const [index, { path, size }] of newestFirst.entries()) {
      bytes += size;
      if (index >= mostFiles || bytes > mostBytes) await this.#disk.unlink(path);
    }
  }
}
