import type { Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Loader, Supplier } from '../base/transfer.ts';
import type { Repomd } from '../yum/repomd.ts';
import { forEachBounded } from './bounded.ts';
import type { ReadProgress } from './progress.ts';
import type { Sink } from './sink.ts';

/** Records of one repository that are fetched at a time. */
const lanes = 4;

export interface RecordsRequest {
  readonly sink: Sink;
  readonly scope: string;
  readonly supplier: Supplier;
  readonly repomd: Repomd;
  readonly progress: ReadProgress;
  readonly signal: AbortSignal;
}

/**
 * Sees to it that every record of a repomd.xml is held, proven by size and checksum.
 * @returns href → file, as generation documents have it.
 * @throws WaystationError that names the record: `record_mismatch` when no source has the listed bytes,
 * `upstream_missing` when none has the file, or why it cannot be had now.
 */
export async function ensureRecords(request: RecordsRequest): Promise<Readonly<Record<string, Listed>>> {
  const { sink, scope, progress } = request;
  const files = new Map(request.repomd.records.map(({ href, listed }) => [href, listed]));
  progress.expected(
    files.size,
    [...files.values()].reduce((sum, { size }) => sum + size, 0),
  );
  await forEachBounded([...files], lanes, request.signal, async ([href, listed], signal) => {
    const held = await sink.holds(scope, listed);
    if (!held) await ensureByOwn(request, href, listed, signal).catch(named(href, signal));
    progress.done(listed.size, !held);
  });
  return Object.fromEntries(files);
}

/**
 * The sink joins a fill of the same file that another repository began; when that one's sources fail, ours have still
 * to be asked.
 */
async function ensureByOwn(request: RecordsRequest, href: string, listed: Listed, signal: AbortSignal): Promise<void> {
  const { sink, scope, supplier } = request;
  const own = supplier.loader(href);
  let asked = false;
  const loader: Loader = {
    open: (offset, opening) => {
      asked = true;
      return own.open(offset, opening);
    },
    lied: (transfer) => own.lied(transfer),
  };
  for (;;) {
    try {
      return await sink.ensure(scope, listed, loader, signal);
    } catch (thrown) {
      if (asked || asWaystationError(thrown).source !== 'origin') throw thrown;
    }
  }
}

function named(href: string, signal: AbortSignal): (thrown: unknown) => never {
  return (thrown) => {
    signal.throwIfAborted();
    const { code, message, retryAfter } = asWaystationError(thrown);
    const told = code === 'upstream_lied' ? 'record_mismatch' : code;
    throw new WaystationError(told, `${href}: ${message}`, { cause: thrown, retryAfter });
  };
}
