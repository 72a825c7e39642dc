import { basename, join } from 'node:path';
import { diskError, unfinishedSuffix } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { Logger } from '../../base/log.ts';
import { Foreign } from './foreign.ts';

/**
 * Removes what replacing small documents left unfinished (`<name>.new`), before this run replaces any. Only names that
 * this program gives: another file may be the operator's, stays, and is said.
 */
export async function removeLeftovers({
  disk,
  layout,
  log,
}: {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly log: Logger;
}): Promise<void> {
  const foreign = new Foreign();
  const list = (folder: string): Promise<readonly string[]> =>
    disk.list(folder).catch((error: unknown) => {
      log.warn({ path: folder, error: diskError(error, folder).message }, 'leftovers cannot be looked for');
      return [];
    });
  const tidy = async (folder: string, isOurs: (name: string) => boolean): Promise<void> => {
    for (const name of await list(folder)) {
      const path = join(folder, name);
      if (isOurs(name)) continue;
      if (!name.endsWith(unfinishedSuffix) || !isOurs(name.slice(0, -unfinishedSuffix.length))) foreign.met(path);
      else
        await disk.unlink(path).catch((error: unknown) => {
          log.warn({ path, error: diskError(error, path).message }, 'what was left unfinished cannot be removed');
        });
    }
  };
  const own = new Set(layout.names.map((path) => basename(path)));
  await tidy(layout.root, (name) => own.has(name));
  for (const subscription of await list(layout.generations))
    await tidy(layout.generationFolder(subscription), (name) => /^\d{8}T\d{6}Z-[0-9a-f]{8}\.json$/.test(name));
  await tidy(layout.unlisted, (name) => /^[0-9a-f]{64}\.json$/.test(name));
  foreign.say(log);
}
