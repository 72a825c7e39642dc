import type { Listed } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { RemakeMap } from '../cache/upkeep/remake-maps.ts';
import { heldRepomd } from '../mirror/held-record.ts';
import { ensureManifestMap } from '../mirror/manifest-reader.ts';
import { ensureNewest } from '../mirror/newest-packages.ts';
import { ensureMap } from '../mirror/package-map.ts';
import type { Sink } from '../mirror/sink.ts';

/** How the store makes a missing package map again: from the metadata that it holds, asking nobody. */
export function mapRemaker(log: Logger): RemakeMap {
  return async ({ path, document, newest }, { sink, signal }) => {
    const { scope } = document;
    if (newest !== undefined) {
      await ensureNewest({ sink, path, document, versions: newest.versions, log, signal });
      return;
    }
    if (document.content === 'file') {
      await remakeOfManifest(sink, scope, document.repomd);
      return;
    }
    const repomd = await heldRepomd({ sink, path, scope, signal }, document);
    const { name } = await ensureMap({ sink, path, scope, repomd, log, signal });
    if (name !== document.map)
      throw new WaystationError('blob_damaged', `${path}: repomd.xml names another primary than its generation`);
  };
}

async function remakeOfManifest(sink: Sink, scope: string, manifest: Listed): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of sink.read(scope, manifest)) chunks.push(chunk);
  await ensureManifestMap(sink, manifest.digest, Buffer.concat(chunks));
}
