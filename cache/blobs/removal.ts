import { dirname } from 'node:path';
import { algorithmOf, hexOf, isWhole } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { DurableNames } from '../../disk/durable-names.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import type { BlobIndex } from './blob-index.ts';
import type { Descriptors } from './descriptors.ts';
import type { Exclusive } from './exclusive.ts';
import type { SeveralNames } from './several-names.ts';

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
  readonly several: SeveralNames;
  readonly names: DurableNames;
}

/** Removes a held file; its room is free when its last name is gone. */
export async function removeBlob(
  parts: BlobParts,
  { scope, listed: indexed, may }: { scope: string; listed: Listed; may: () => boolean },
): Promise<Removed> {
  const { disk, layout, descriptors, exclusive, several } = parts;
  const listed = await wholeName(disk, layout, scope, indexed);
  if (listed === null) {
    several.vanished({ scope, listed: indexed });
    return { result: 'removed', freed: 0 };
  }
  const path = layout.blob(scope, listed);
  await several.ready(path);
  if (descriptors.reading(path) || exclusive.busy(path)) return { result: 'in-use' };
  // Who asks from now on whether it is held waits; who asked before said first that it is wanted.
  return exclusive.run(path, () =>
    several.alone<Removed>(async () => {
      if (!may()) return { result: 'in-use' };
      try {
        return { result: 'removed', freed: await unlinkAlone(parts, scope, listed, path) };
      } catch (error) {
        return { result: 'refused', error: diskError(error, path) };
      } finally {
        descriptors.forget(path);
      }
    }),
  );
}

/** @returns the bytes that it freed. */
async function unlinkAlone(parts: BlobParts, scope: string, listed: Listed, path: string): Promise<number> {
  const { disk, index, space, several, names } = parts;
  const standing = await several.standing({ scope, listed });
  await disk.unlink(path);
  names.taken(dirname(path));
  // One that the index did not have was never counted.
  const freed = index.evicted(scope, listed.digest) && standing.left() ? listed.size : 0;
  space.freed(freed);
  return freed;
}

/** A held file was not found under its name: forgets it, unless somebody is giving or taking that name. */
export async function foundAbsent(parts: BlobParts, scope: string, listed: Listed): Promise<void> {
  const { disk, index, layout, exclusive, several } = parts;
  const path = layout.blob(scope, listed);
  // What is no more than a hint of a snapshot is not taken for held anyway.
  if (!index.isConfirmed(scope, listed.digest) || exclusive.busy(path)) return;
  await exclusive.run(path, () =>
    several.alone(async () => {
      const facts = await disk.facts(path).catch(() => undefined);
      if (facts === null) several.vanished({ scope, listed });
    }),
  );
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
