import { join } from 'node:path';
import { digestFrom } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { Logger } from '../../base/log.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import type { Disk } from '../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import { Foreign } from './foreign.ts';

/** Names after which others have their turn: some 2 ms. */
const namesPerTurn = 500;

interface Counting {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly space: Space;
  readonly log: Logger;
}

/**
 * Counts the blobs from their names, in the background. Hard links count once: a file listed by another algorithm has
 * its sha256 name beside, and takes room once. A folder that cannot be listed is passed over.
 * @returns whether all of them were seen.
 */
export async function countBlobs({ disk, layout, index, space, log }: Counting, signal: AbortSignal): Promise<boolean> {
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
  for (const scope of await list()) {
    const algorithms = await list(scope);
    const linked = algorithms.some((algorithm) => algorithm !== 'sha256');
    for (const algorithm of algorithms) {
      for (const folder of await list(scope, algorithm)) {
        for (const name of await list(scope, algorithm, folder)) {
          seen += 1;
          if (seen % namesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
          if (signal.aborted) return false;
          const path = (): string => join(layout.blobs, scope, algorithm, folder, name);
          const listed = parseBlobName(algorithm, name);
          if (listed === null) {
            foreign.met(path());
            continue;
          }
          const twin = linked && algorithm === 'sha256' && (await namesOf(disk, path())) > 1;
          if (index.add(scope, listed, { linked: twin }) && !twin) space.adjust(listed.size);
        }
      }
    }
  }
  foreign.say(log);
  return whole;
}

async function namesOf(disk: Disk, path: string): Promise<number> {
  return (await disk.facts(path).catch(() => null))?.links ?? 1;
}

function parseBlobName(algorithm: string, name: string): Listed | null {
  const [hex = '', size = ''] = name.split('.');
  const digest = digestFrom(algorithm, hex);
  return digest === null || !/^\d{1,15}$/.test(size) ? null : { digest, size: Number(size) };
}
