import { LRUCache } from 'lru-cache';
import type { Listed } from '../../base/digest.ts';
import type { Disk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import { checkFile } from './check.ts';

/** Files that are known to be right although the disk does not take their stamp. */
const remembered = 10_000;

/**
 * Whether a held file is still the one that was proven. Its time of modification tells at no cost; a file that was
 * edited, restored or copied here is hashed once before it is trusted, and stamped when it is right.
 */
export class Provenance {
  readonly #disk: Disk;
  readonly #checks = new Map<string, Promise<boolean>>();
  /** Path → modification time, of files that were hashed and could not be stamped: most often none. */
  #known: LRUCache<string, number> | null = null;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Nothing has to be read to trust it. */
  evident(path: string, facts: FileFacts): boolean {
    return facts.modified === proven || this.#known?.get(path) === facts.modified;
  }

  /**
   * Hashes the file; requests for one file at the same time share it.
   * @returns whether it is right. @throws WaystationError when it cannot be read.
   */
  async establish(path: string, listed: Listed, facts: FileFacts): Promise<boolean> {
    if (this.evident(path, facts)) return true;
    let check = this.#checks.get(path);
    if (check === undefined) {
      check = this.#check(path, listed, facts).finally(() => this.#checks.delete(path));
      this.#checks.set(path, check);
    }
    return check;
  }

  async #check(path: string, listed: Listed, facts: FileFacts): Promise<boolean> {
    if ((await checkFile(this.#disk, path, listed)) !== 'right') return false;
    // A file with a name elsewhere can be changed from there at any time, by means that keep its times: never stamped.
    if (facts.links === 1) {
      try {
        await this.#disk.stamp(path);
        return true;
      } catch {
        // A disk that takes no stamp: it is remembered, as long as this process lasts.
      }
    }
    this.#known ??= new LRUCache({ max: remembered });
    this.#known.set(path, facts.modified);
    return true;
  }
}
