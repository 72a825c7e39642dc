import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Supplier } from '../../base/transfer.ts';
import type { CacheSink } from '../sink.ts';
import type { Reference } from './references.ts';

/**
 * Fetches a listed file that is lost, unless it is held after all. Resolves once it is held.
 * @throws WaystationError `upstream_missing` when what lies at its place upstream is another file by now.
 */
export async function fetchAgain(
  sink: CacheSink,
  { href, blob, pinned }: Reference,
  supplier: Supplier,
  signal: AbortSignal,
): Promise<void> {
  const { scope, listed } = blob;
  if (await sink.holds(scope, listed)) return;
  if (!href.startsWith('repodata/repomd.xml')) {
    const purpose = pinned ? 'metadata' : 'background';
    await sink.ensure(scope, listed, supplier.loader(href, purpose, listed.digest), signal);
    // A fill that ended just before is remembered for a moment, whatever became of its file since.
    if (await sink.holds(scope, listed)) return;
    throw new WaystationError('blob_damaged', `${href} was gone again at once`);
  }
  // Its name stays while its bytes change: an upstream that has newer ones is no liar.
  const answer = await supplier.get(href, null, signal);
  if (answer.kind !== 'found') throw new WaystationError('upstream_status', `${href} was not sent`);
  const another = new WaystationError('upstream_missing', `${href}: the upstream has another one by now`);
  const chunks: Buffer[] = [];
  let length = 0;
  await answer.transfer.consume((chunk) => {
    length += chunk.length;
    if (length > listed.size) throw another;
    chunks.push(Buffer.from(chunk));
  });
  const bytes = Buffer.concat(chunks);
  if (digestOf(bytes) !== listed.digest) throw another;
  await sink.keep(scope, bytes);
}
