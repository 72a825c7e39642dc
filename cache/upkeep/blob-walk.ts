import { join } from 'node:path';
import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { Logger } from '../../base/log.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { parseBlobName } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';

/** A blob by its name: the scope that holds it, and which bytes it should be. */
export interface BlobName {
  readonly scope: string;
  readonly listed: Listed;
}

/** A blob's place in the walk, for people and notes: `open/sha256/<hex>.<size>`. */
export function placeOf({ scope, listed }: BlobName): string {
  return [scope, algorithmOf(listed.digest), `${hexOf(listed.digest)}.${listed.size}`].join('/');
}

/**
 * Every blob by the directory listings, in the order of scope, algorithm and hex. Nothing but one folder's names is in
 * memory; a folder that cannot be listed is passed over and logged.
 * @param after a `placeOf`: begins behind it, whether that blob is still there or not. null: at the first.
 */
export async function* walkBlobs(
  { disk, layout, log }: { readonly disk: Disk; readonly layout: Layout; readonly log: Logger },
  after: string | null,
): AsyncGenerator<BlobName> {
  const list = async (...below: readonly string[]): Promise<readonly string[]> => {
    const path = join(layout.blobs, ...below);
    try {
      return (await disk.list(path)).toSorted();
    } catch (error) {
      log.error({ path, error: diskError(error, path).message }, 'a folder of blobs cannot be listed');
      return [];
    }
  };
  const [lastScope = '', lastAlgorithm = '', lastName = ''] = after?.split('/') ?? [];
  for (const scope of await list()) {
    if (scope < lastScope) continue;
    for (const algorithm of await list(scope)) {
      if (scope === lastScope && algorithm < lastAlgorithm) continue;
      const behind = scope === lastScope && algorithm === lastAlgorithm ? lastName : '';
      for (const folder of await list(scope, algorithm)) {
        if (folder < behind.slice(0, 2)) continue;
        for (const name of await list(scope, algorithm, folder)) {
          const listed = name > behind ? parseBlobName(algorithm, name) : null;
          // What has no blob's name, or lies in a wrong folder, is nobody's blob: no request ever opens it.
          if (listed !== null && folder === name.slice(0, 2)) yield { scope, listed };
        }
      }
    }
  }
}
