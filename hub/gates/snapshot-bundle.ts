import type { Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { parseRepomd } from '../../yum/repomd.ts';
import { objectChunks } from '../content/object-chunks.ts';
import { scopeOfFile } from '../content/origins.ts';
import type { OriginsDocument } from '../content/origins.ts';
import { Possession } from '../content/possession.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Bundle, BundleRepository } from './bundle.ts';

/**
 * A snapshot as gates read it. They are the hub's own, so what is closed to PoPs without credentials is open to them.
 * @throws WaystationError `blob_damaged` when a repomd.xml is not in the store.
 */
export async function bundleOf(
  { name, repositories }: SnapshotDocument,
  store: ObjectStore,
  origins: OriginsDocument,
): Promise<Bundle> {
  const possession = new Possession(store);
  const found = Object.entries(repositories).map(async ([path, { content, repomd }]): Promise<BundleRepository> => {
    const origin = origins.repositories[path] ?? { scope: 'open', path };
    async function* read(listed: Listed): AsyncGenerator<Buffer> {
      const object = await store.open(possession.keyOf(scopeOfFile(origin, listed), listed));
      if (object === null) throw new WaystationError('blob_damaged', `${listed.digest} is not in the store`);
      yield* objectChunks(object);
    }
    // Plain files are nothing that a gate looks at.
    if (content === 'file') return { path, records: [], read };
    const chunks: Buffer[] = [];
    for await (const chunk of read(repomd)) chunks.push(chunk);
    return { path, records: parseRepomd(Buffer.concat(chunks)).records, read };
  });
  return { name, repositories: await Promise.all(found) };
}
