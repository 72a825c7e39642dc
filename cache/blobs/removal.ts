import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import type { BlobIndex } from './blob-index.ts';
import type { Descriptors } from './descriptors.ts';
import { isWhole } from './digest-words.ts';
import type { Exclusive } from './exclusive.ts';

/** What became of a file that was to be removed. */
export type Removed =
  | { readonly result: 'removed'; readonly freed: number }
  /** Somebody reads or writes it now. */
  | { readonly result: 'in-use' }
  | { readonly result: 'refused'; readonly error: WaystationError };

/** Removes held files, safely beside those that read, write and count on them. */
export interface Removal {
  /** @param listed as the index has it. @param may asked right before: false leaves it. */
  remove(scope: string, listed: Listed, may?: () => boolean): Promise<Removed>;
}

/** What the work on held files shares. */
export interface BlobParts {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly space: Space;
  readonly log: Logger;
  readonly descriptors: Descriptors;
  readonly exclusive: Exclusive;
}

/** Removes a held file; its room is free when its last name is gone. */
export async function removeBlob(
  parts: BlobParts,
  { scope, listed: indexed, may }: { scope: string; listed: Listed; may: () => boolean },
): Promise<Removed> {
  const { disk, layout, index, space, descriptors, exclusive } = parts;
  const listed = await wholeName(disk, layout, scope, indexed);
  if (listed === null) {
    index.delete(scope, indexed.digest);
    return { result: 'removed', freed: 0 };
  }
  const path = layout.blob(scope, listed);
  if (descriptors.reading(path) || exclusive.busy(path)) return { result: 'in-use' };
  return exclusive.run<Removed>(path, async () => {
    // Who asks from now on whether it is held waits; who asked before said first that it is wanted.
    if (!may()) return { result: 'in-use' };
    try {
      // Only a file that may have two names is asked how many are left.
      const others = index.isLinked(scope, listed.digest) ? ((await disk.facts(path))?.links ?? 1) - 1 : 0;
      await disk.unlink(path);
      // One that the index did not have was never counted.
      const freed = index.evicted(scope, listed.digest) && others <= 0 ? listed.size : 0;
      space.freed(freed);
      return { result: 'removed', freed };
    } catch (error) {
      return { result: 'refused', error: diskError(error, path) };
    } finally {
      descriptors.forget(path);
    }
  });
}

/** Long digests are kept in part: the folder knows the rest. */
async function wholeName(disk: Disk, layout: Layout, scope: string, listed: Listed): Promise<Listed | null> {
  if (isWhole(listed.digest)) return listed;
  const folder = layout.blobFolder(scope, listed.digest);
  const found = (await disk.list(folder)).find((name) => name.startsWith(hexOf(listed.digest)));
  if (found === undefined) return null;
  const hex = found.slice(0, found.indexOf('.'));
  return { digest: `${algorithmOf(listed.digest)}:${hex}`, size: listed.size };
}
