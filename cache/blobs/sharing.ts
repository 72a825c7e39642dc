import { join } from 'node:path';
import { hexOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { diskError } from '../../disk/disk.ts';
import { flag } from './entry-flags.ts';
import type { BlobParts } from './removal.ts';

/**
 * Stores a file once that several scopes have proven to possess: their names become links to the bytes that were proven
 * last. Possession is the name, so nothing changes for anybody but the room.
 */
export class Sharing {
  readonly #parts: BlobParts;
  #links = 0;

  constructor(parts: BlobParts) {
    this.#parts = parts;
  }

  /** Never rejects: what cannot be shared is stored twice. */
  async withOthers(scope: string, listed: Listed): Promise<void> {
    const { index, layout, log, exclusive } = this.#parts;
    const path = layout.blob(scope, listed);
    for (const other of index.scopesOf(listed.digest)) {
      if (other === scope) continue;
      const theirs = layout.blob(other, listed);
      try {
        // Before there is a link: whoever removes one of the two meanwhile asks whether bytes are left.
        index.flag(scope, listed.digest, flag.linked);
        index.flag(other, listed.digest, flag.linked);
        await exclusive.run(theirs, () => this.#replace(path, theirs, listed));
      } catch (error) {
        log.debug({ path: theirs, error: diskError(error, theirs).message }, 'a file is stored once more');
      }
    }
  }

  async #replace(path: string, theirs: string, listed: Listed): Promise<void> {
    const { disk, layout, space, descriptors } = this.#parts;
    const [ours, before] = await Promise.all([disk.facts(path), disk.facts(theirs)]);
    if (ours === null || before === null || ours.inode === before.inode) return;
    this.#links += 1;
    const link = join(layout.parts, `kept-${hexOf(listed.digest)}-link-${this.#links}`);
    await disk.link(path, link);
    try {
      await disk.rename(link, theirs);
    } catch (error) {
      await disk.unlink(link).catch(() => {});
      throw error;
    }
    descriptors.forget(theirs);
    if (before.links === 1) space.freed(before.size);
  }
}
