import { dirname, join } from 'node:path';
import { hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { diskError } from '../../disk/disk.ts';
import { flag } from './entry-flags.ts';
import type { BlobName } from './name-count.ts';
import type { BlobParts } from './removal.ts';

/**
 * Stores a file once that has several names: those of other scopes that have proven to possess it, and that by sha256,
 * become links to the bytes that were proven last. A file with names outside of the blobs is left as it is: how many of
 * its names are ours could not be told.
 */
export class Sharing {
  readonly #parts: BlobParts;
  #links = 0;

  constructor(parts: BlobParts) {
    this.#parts = parts;
  }

  /**
   * Gives a file that another algorithm lists its name by sha256: it saves a transfer, should another repository list it
   * so. Nothing depends on it. Never rejects.
   */
  async bySha256(scope: string, listed: Listed, sha256: Digest): Promise<void> {
    const named = { scope, listed: { digest: sha256, size: listed.size } };
    try {
      await this.#parts.names.makeFolder(this.#parts.layout.blobFolder(scope, sha256));
      await this.#give({ scope, listed }, named);
    } catch (error) {
      const path = this.#parts.layout.blob(scope, named.listed);
      this.#parts.log.warn({ path, error: diskError(error, path).message }, 'a file has no name by its sha256');
    }
  }

  /** Whether there is only one scope: nobody to share with. */
  get isPointless(): boolean {
    return this.#parts.index.scopeNames.length < 2;
  }

  /**
   * Lets other scopes share it, by each of its digests. Possession is the name, so nothing changes for anybody but the
   * room. Never rejects: what cannot be shared is stored twice.
   */
  async withOthers(scope: string, listed: Listed, sha256: Digest): Promise<void> {
    const { index, layout, log } = this.#parts;
    if (this.isPointless) return;
    for (const digest of new Set([listed.digest, sha256])) {
      const theirs = { digest, size: listed.size };
      for (const other of index.scopesOf(digest)) {
        if (other === scope) continue;
        try {
          await this.#give({ scope, listed }, { scope: other, listed: theirs });
        } catch (error) {
          const path = layout.blob(other, theirs);
          log.debug({ path, error: diskError(error, path).message }, 'a file is stored once more');
        }
      }
    }
  }

  /** Lets `to` be a name of the file of `from`. Of another scope it has to be there: it is what proves possession. */
  async #give(from: BlobName, to: BlobName): Promise<void> {
    const { exclusive, several, layout } = this.#parts;
    const path = layout.blob(to.scope, to.listed);
    await several.ready(path);
    return exclusive.run(path, () => several.alone(() => this.#giveAlone(from, to)));
  }

  async #giveAlone(from: BlobName, to: BlobName): Promise<void> {
    const { disk, layout, index, several, space, descriptors, names } = this.#parts;
    const [path, target] = [layout.blob(from.scope, from.listed), layout.blob(to.scope, to.listed)];
    await several.sharing(from);
    const standing = await several.standing(to);
    const [ours, before] = await Promise.all([disk.facts(path), disk.facts(target)]);
    if (ours === null || ours.inode === before?.inode) return;
    if (before === null && from.scope !== to.scope) return;
    if (before === null && index.isConfirmed(to.scope, to.listed.digest)) several.inexact = true;
    if (ours.links > 1 && !index.isLinked(from.scope, from.listed.digest)) return;
    if (before === null) await disk.link(path, target);
    else await this.#replace(from, target, to.listed);
    names.given(dirname(target));
    descriptors.forget(target);
    index.flag(from.scope, from.listed.digest, flag.linked);
    several.given(ours.inode, from);
    const counted = !index.add(to.scope, to.listed, { linked: true });
    if (before !== null && counted && standing.left()) space.freed(before.size);
  }

  async #replace(from: BlobName, target: string, { digest }: Listed): Promise<void> {
    const { disk, layout, index, several } = this.#parts;
    const path = layout.blob(from.scope, from.listed);
    this.#links += 1;
    const link = join(layout.parts, `link-${hexOf(digest)}-${this.#links}`);
    await disk.link(path, link);
    try {
      await disk.rename(link, target);
    } catch (error) {
      await disk.unlink(link).catch(() => {
        // Until the next start removes it, it holds the bytes when the other names are gone: then they are not free.
        index.flag(from.scope, from.listed.digest, flag.linked);
        several.inexact = true;
      });
      throw error;
    }
  }
}
