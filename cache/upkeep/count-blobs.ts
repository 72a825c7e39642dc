import { join } from 'node:path';
import type { Listed } from '../../base/digest.ts';
import type { Logger } from '../../base/log.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import { flag } from '../blobs/entry-flags.ts';
import type { SeveralNames } from '../blobs/several-names.ts';
import type { Disk } from '../../disk/disk.ts';
import { parseBlobName } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import { Foreign } from './foreign.ts';

/** Names after which others have their turn: some 2 ms. */
const namesPerTurn = 500;

interface Counting {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly several: Pick<SeveralNames, 'alone'>;
  readonly space: Space;
  readonly log: Logger;
}

/**
 * Counts the blobs from their names, in the background. A file with several names (by another algorithm, in another
 * scope) takes room once. A folder that cannot be listed is passed over.
 * @returns whether all of them were seen.
 */
export async function countBlobs(
  { disk, layout, index, several, space, log }: Counting,
  signal: AbortSignal,
): Promise<boolean> {
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
  const once = kinds.length > 1 ? new SeenOnce(disk) : null;
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
        const count = (twin: Named | null): void => {
          if (index.add(scope, listed, { linked: twin !== null }) && twin === null) space.adjust(listed.size);
          if (twin !== null) index.flag(twin.scope, twin.listed.digest, flag.linked);
        };
        if (once === null || !(await once.mayHaveTwin(path()))) count(null);
        else
          await several.alone(async () => {
            const twin = await once.twin(path(), { scope, listed });
            if (twin !== 'gone') count(twin);
          });
      }
    }
  }
  foreign.say(log);
  return whole;
}

/** A name among the blobs. */
interface Named {
  readonly scope: string;
  readonly listed: Listed;
}

/** Tells files with several names that were seen by another of them. Names outside of the blobs do not count. */
class SeenOnce {
  readonly #disk: Disk;
  readonly #inodes = new Map<number, Named>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async mayHaveTwin(path: string): Promise<boolean> {
    return ((await this.#disk.facts(path).catch(() => null))?.links ?? 1) > 1;
  }

  /** Asked by who is alone. @returns the name that the file was seen by before; null: none. */
  async twin(path: string, named: Named): Promise<Named | 'gone' | null> {
    const facts = await this.#disk.facts(path).catch(() => undefined);
    if (facts === null) return 'gone';
    if (facts === undefined || facts.links === 1) return null;
    const twin = this.#inodes.get(facts.inode) ?? null;
    if (twin === null) this.#inodes.set(facts.inode, named);
    return twin;
  }
}
