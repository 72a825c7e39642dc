import { LRUCache } from 'lru-cache';
import { algorithmOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { Disk } from '../../disk/disk.ts';
import { parseBlobName } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';

/** Files whose sizes are known. */
const remembered = 20_000;

/** Sizes of files that are listed by digest alone: the names of held ones tell. What was told once stays true. */
export class HeldSizes {
  readonly #disk: Disk;
  readonly #layout: Layout;
  /** Made when first needed: its room is taken at once, which a start would wait for. */
  #known: LRUCache<string, number> | null = null;

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
  }

  /** Bytes of a file that is held, or was; null: it never was, as far as is known, or the disk cannot tell now. */
  async of(scope: string, digest: Digest): Promise<number | null> {
    const key = `${scope} ${digest}`;
    const known = this.#known?.get(key);
    if (known !== undefined) return known;
    // A look at one of 256 folders.
    const names = await this.#disk.list(this.#layout.blobFolder(scope, digest)).catch(() => []);
    for (const name of names) {
      const listed = parseBlobName(algorithmOf(digest), name);
      if (listed?.digest !== digest) continue;
      this.#known ??= new LRUCache({ max: remembered });
      this.#known.set(key, listed.size);
      return listed.size;
    }
    return null;
  }
}
