import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { RemakeMap } from '../cache/upkeep/remake-maps.ts';
import { heldRepomd } from '../mirror/held-record.ts';
import { ensureNewest } from '../mirror/newest-packages.ts';
import { ensureMap } from '../mirror/package-map.ts';

/** How the store makes a missing package map again: from the metadata that it holds, asking nobody. */
export function mapRemaker(log: Logger): RemakeMap {
  return async ({ path, document, newest }, { sink, signal }) => {
    const { scope } = document;
    if (newest !== undefined) {
      await ensureNewest({ sink, path, document, versions: newest.versions, log, signal });
      return;
    }
    const repomd = await heldRepomd({ sink, path, scope, signal }, document);
    const { name } = await ensureMap({ sink, path, scope, repomd, log, signal });
    if (name !== document.map)
      throw new WaystationError('blob_damaged', `${path}: repomd.xml names another primary than its generation`);
  };
}
