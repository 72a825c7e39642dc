import type { Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import { possessionScope } from '../base/generation.ts';
import type { Supplier } from '../base/transfer.ts';
import { zchunkHeader } from '../yum/zchunk-header.ts';
import type { Repomd } from '../yum/repomd.ts';
import { arrivedBy, tellingArrivals } from './arrivals.ts';
import { forEachBounded } from './bounded.ts';
import type { ReadProgress } from './progress.ts';
import type { Sink } from './sink.ts';

/** Records of one repository that are fetched at a time. */
const lanes = 4;
/** Of a zchunk record; real ones have some megabytes at most. Bytes. */
const largestHeader = 64 * 1024 * 1024;

export interface RecordsRequest {
  readonly sink: Sink;
  /** Of the repository, as served. */
  readonly path: string;
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
  const { sink, path, scope, supplier, progress } = request;
  const files = new Map(request.repomd.records.map(({ href, listed }) => [href, listed]));
  const headers = new Map(request.repomd.records.map(({ href, header }) => [href, header]));
  progress.expected(
    files.size,
    [...files.values()].reduce((sum, { size }) => sum + size, 0),
  );
  await forEachBounded([...files], lanes, request.signal, async ([href, listed], signal) => {
    const own = possessionScope(scope, path, listed);
    const held = await sink.holds(own, listed);
    let arrived = 0;
    if (!held) {
      const loader = tellingArrivals(supplier.loader(href, 'metadata', listed.digest), listed.size, progress);
      await sink.ensure(own, listed, loader, signal).catch(named(href, signal));
      arrived = arrivedBy(loader);
    }
    const header = headers.get(href) ?? null;
    if (header !== null) await requireHeader(sink, { scope: own, href, listed, header });
    progress.done(listed.size, !held, arrived);
  });
  return Object.fromEntries(files);
}

/** Clients take chunks by the header alone: one that repomd.xml describes wrongly would cost each of them a whole file. */
async function requireHeader(
  sink: Sink,
  record: { readonly scope: string; readonly href: string; readonly listed: Listed; readonly header: Listed },
): Promise<void> {
  const { scope, href, listed, header } = record;
  const chunks: Buffer[] = [];
  let size = 0;
  if (header.size <= largestHeader) {
    for await (const chunk of sink.read(scope, listed)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= header.size) break;
    }
  }
  const found = zchunkHeader(Buffer.concat(chunks));
  if (found?.digest === header.digest && found.size === header.size) return;
  const reason = `its zchunk header is not the one that repomd.xml lists (${header.digest}, ${header.size} bytes)`;
  throw new WaystationError('record_mismatch', `${href}: ${reason}`);
}

function named(href: string, signal: AbortSignal): (thrown: unknown) => never {
  return (thrown) => {
    signal.throwIfAborted();
    const { code, message, retryAfter } = asWaystationError(thrown);
    const told = code === 'upstream_lied' ? 'record_mismatch' : code;
    throw new WaystationError(told, `${href}: ${message}`, { cause: thrown, retryAfter });
  };
}
