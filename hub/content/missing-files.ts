import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { FileSet } from '../../runs/file-set.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { scopeOfFile } from './origins.ts';
import type { Origin, OriginsDocument } from './origins.ts';
import type { Possession } from './possession.ts';
import type { StoreMaps } from './store-maps.ts';

/** Files that are looked for at a time. */
const lanes = 32;

/** What a snapshot lists and the store does not have. Bytes are those that metadata lists: of trees it lists none. */
export interface Missing {
  readonly files: number;
  readonly bytes: number;
}

/** Counts it, each file once. @throws WaystationError `blob_damaged` when a package map is lost. */
export async function missingFiles(
  { repositories }: SnapshotDocument,
  origins: OriginsDocument,
  { maps, possession }: { readonly maps: StoreMaps; readonly possession: Possession },
): Promise<Missing> {
  const counted = new FileSet();
  const missing = { files: 0, bytes: 0 };
  const add = (scope: string, digest: Digest, size: number): void => {
    if (!counted.add(scope, digest)) return;
    missing.files += 1;
    missing.bytes += size;
  };
  for (const [path, { map, tree }] of Object.entries(repositories)) {
    const origin: Pick<Origin, 'scope' | 'path'> = origins.repositories[path] ?? { scope: 'open', path };
    const opened = map === null ? null : await maps.get(map);
    if (map !== null && opened === null)
      throw new WaystationError('blob_damaged', `the package map of ${path} is not in the store`);
    let looks: Promise<void>[] = [];
    const look = async (listed: Listed): Promise<void> => {
      const scope = scopeOfFile(origin, listed);
      if (!(await possession.holds(scope, listed))) add(scope, listed.digest, listed.size);
    };
    for await (const { listed } of opened?.entries() ?? []) {
      looks.push(look(listed));
      if (looks.length < lanes) continue;
      await Promise.all(looks);
      looks = [];
    }
    await Promise.all(looks);
    for (const digest of Object.values(tree?.files ?? {})) {
      const scope = scopeOfFile(origin, { digest });
      if ((await possession.size(scope, digest)) === null) add(scope, digest, 0);
    }
  }
  return missing;
}
