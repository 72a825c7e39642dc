import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { RemakeMap } from '../cache/upkeep/remake-maps.ts';
import { ensureMap } from '../mirror/package-map.ts';
import { parseRepomd } from '../yum/repomd.ts';

/** How the store makes a lost package map again: from the repomd.xml and the primary that it holds, asking nobody. */
export function mapRemaker(log: Logger): RemakeMap {
  return async ({ path, document }, { sink, signal }) => {
    const { scope } = document;
    const chunks: Buffer[] = [];
    for await (const chunk of sink.read(scope, document.repomd)) chunks.push(chunk);
    const { name } = await ensureMap({ sink, path, scope, repomd: parseRepomd(Buffer.concat(chunks)), log, signal });
    if (name !== document.map)
      throw new WaystationError('blob_damaged', `${path}: repomd.xml names another primary than its generation`);
  };
}
