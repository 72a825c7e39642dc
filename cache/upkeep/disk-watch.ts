import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { DirectoryLock } from '../../disk/directory-lock.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { writeFormat } from '../disk/format-file.ts';
import type { Layout } from '../disk/layout.ts';
import type { Generations } from '../generations/generations.ts';
import type { Space } from '../space/space.ts';

/** Milliseconds between two looks. */
const lookEvery = 5_000;

interface Watched {
  readonly disk: Disk;
  readonly layout: Layout;
  /** The format that the directory is in. */
  readonly format: number;
  readonly generations: Generations;
  readonly lock: Pick<DirectoryLock, 'renew'>;
  readonly space: Space;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Notices that a sick disk is well again without waiting for somebody to write, and that the state directory was removed
 * under the service: what is known in memory is put back, files are fetched again when they are asked for.
 */
export async function watchDisk(watched: Watched, signal: AbortSignal): Promise<void> {
  const { disk, layout, space, clock, log } = watched;
  let said = space.state;
  const say = (): void => {
    const { state } = space;
    if (state === said) return;
    if (state === 'ok') log.info({ before: said }, 'files are stored again');
    else
      log.error(
        { state, reason: space.reason },
        'files are refused: clients are served without storing what finds no room',
      );
    said = state;
  };
  while (!signal.aborted) {
    await clock.sleep(lookEvery, signal).catch(() => {});
    if (signal.aborted) return;
    say();
    try {
      const removed = (await disk.facts(layout.format)) === null;
      if (removed)
        log.error({ path: layout.root }, 'the state directory was removed under the service; it is made anew');
      if (!removed && !space.sick) continue;
      await remake(watched, removed);
      await tryToWrite(disk, join(layout.parts, 'probe'));
      space.healed();
    } catch (error) {
      space.failed(diskError(error, layout.root));
    }
    say();
  }
}

async function remake({ disk, layout, format, generations, lock }: Watched, removed: boolean): Promise<void> {
  await disk.makeFolder(layout.root);
  // A directory of that name that is not the one taken at start may be another process's by now.
  await lock.renew();
  for (const folder of [layout.blobs, layout.maps, layout.generations, layout.unlisted, layout.parts])
    await disk.makeFolder(folder);
  // Documents before FORMAT: a directory without it is looked at again.
  await generations.restore();
  if (removed) await writeFormat(disk, layout.root, { number: format, toward: null });
}

async function tryToWrite(disk: Disk, path: string): Promise<void> {
  const file = await disk.openPart(path);
  try {
    await file.write([Buffer.from('can be written\n')], 0);
    await file.sync();
  } finally {
    await file.close();
    await disk.unlink(path);
  }
}
