import type { Digest } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import { possessionScope } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import { readPrimary } from '../yum/primary.ts';
import type { Repomd } from '../yum/repomd.ts';
import { openRecord } from './held-record.ts';
import type { MapSummary, Sink } from './sink.ts';

/** More than any real primary.xml has; without an open-size in repomd.xml nothing else bounds it. */
export const maxPrimaryBytes = 8 * 1024 ** 3;

/** The map of a repository and its name; of one without a primary record both are null. */
export interface PackageMap {
  readonly name: Digest | null;
  readonly summary: MapSummary | null;
}

export interface MapRequest {
  readonly sink: Sink;
  /** Of the repository, as served. */
  readonly path: string;
  readonly scope: string;
  readonly repomd: Repomd;
  /** Make it even if there is one. */
  readonly afresh?: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Makes the package map of a held primary, unless there is one and that is good enough.
 * @throws WaystationError that names the file: `metadata_invalid`, `metadata_too_large`, or `record_mismatch` when it is
 * the file that repomd.xml lists but does not decompress to what it lists.
 */
export async function ensureMap(request: MapRequest): Promise<PackageMap> {
  const { sink, path, scope: shared, repomd, afresh = false, log, signal } = request;
  const primary = repomd.records.find(({ type }) => type === 'primary');
  if (primary === undefined) return { name: null, summary: null };
  const { href, listed } = primary;
  const scope = possessionScope(shared, path, listed);
  const name = await sink.sha256(scope, listed);
  const known = afresh ? null : await sink.map(name);
  if (known !== null) return { name, summary: known };
  const held = { sink, path, scope: shared, signal };
  try {
    const summary = await readPrimary(
      () => openRecord(held, primary, maxPrimaryBytes),
      (fill) => sink.writeMap(name, fill),
      { onFallback: (reason) => log.info({ file: href, reason }, 'primary is read by the slower parser') },
    );
    return { name, summary };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof WaystationError)) throw thrown;
    const { code, message, retryAfter } = thrown;
    throw new WaystationError(code, `${href}: ${message}`, { cause: thrown, retryAfter });
  }
}
