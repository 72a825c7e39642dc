import { join } from 'node:path';
import type { Logger } from '../../base/log.ts';
import type { NameCount } from '../blobs/name-count.ts';
import type { Disk } from '../../disk/disk.ts';
import { parseBlobName } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import { Foreign } from './foreign.ts';

/** Names after which others have their turn: some 2 ms. */
const namesPerTurn = 500;

interface Counting {
  readonly disk: Disk;
  readonly layout: Layout;
  /** What is met is told to. */
  readonly count: NameCount;
  readonly log: Logger;
}

/**
 * Counts the blobs from their names, in the background. A file with several names (by another algorithm, in another
 * scope) takes room once. A folder that cannot be listed is passed over.
 * @returns whether all of them were seen.
 */
export async function countBlobs({ disk, layout, count, log }: Counting, signal: AbortSignal): Promise<boolean> {
  const foreign = new Foreign();
  let whole = true;
  let seen = 0;
  const list = (...below: readonly string[]): Promise<readonly string[]> => {
    const path = join(layout.blobs, ...below);
    return disk.list(path).catch((error: unknown) => {
      whole = false;
      log.warn({ path, error: String(error) }, 'blobs cannot be counted');
      return [];
    });
  };
  const scopes = await list();
  const kinds: [scope: string, algorithm: string][] = [];
  for (const scope of scopes) for (const algorithm of await list(scope)) kinds.push([scope, algorithm]);
  // Of one scope and algorithm every file has one name: nothing has to be asked of the file system but the names.
  const once = kinds.length <= 1 && !count.hasLeftovers;
  for (const [scope, algorithm] of kinds) {
    for (const folder of await list(scope, algorithm)) {
      for (const name of await list(scope, algorithm, folder)) {
        seen += 1;
        if (seen % namesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
        if (signal.aborted) return false;
        const path = (): string => join(layout.blobs, scope, algorithm, folder, name);
        // In a wrong folder no request ever opens it.
        const listed = name.startsWith(folder) ? parseBlobName(algorithm, name) : null;
        if (listed === null) {
          foreign.met(path());
          continue;
        }
        if (once) count.listed(path(), { scope, listed });
        else await count.look(path(), { scope, listed });
      }
    }
  }
  foreign.say(log);
  return whole;
}
