import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { Supplier } from '../../base/transfer.ts';
import { fetchAgain } from '../../cache/upkeep/fetch-again.ts';
import type { UpkeepRun } from '../../cache/upkeep/upkeep-run.ts';
import { forEachBounded } from '../../mirror/bounded.ts';
import type { Lacking } from './parts.ts';

/** Files that are fetched at a time. */
const lanes = 8;
/** So many failures of the link in a row mean that the rest will fail too. */
const outageAfter = 16;

const linkFailures: ReadonlySet<ErrorCode> = new Set([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_breaker_open',
]);

type Sink = Parameters<typeof fetchAgain>[0];

export interface FetchParts {
  readonly sink: Sink;
  /** The upstream of a repository whose bytes are in this scope; null when there is none now. */
  readonly supplierOf: (repository: string, scope: string) => Supplier | null;
}

/**
 * Closes the gap that a check named: metadata first, then small before large. One file that cannot be had does not stop
 * the others.
 * @throws WaystationError when it makes no sense to go on: the link is down, or the disk takes no more; the signal's reason.
 */
export async function fetchMissing(
  lacking: readonly Lacking[],
  { sink, supplierOf }: FetchParts,
  run: UpkeepRun,
  signal: AbortSignal,
): Promise<void> {
  const smallFirst = lacking.toSorted((one, other) => one.file.bytes - other.file.bytes);
  let failures = 0;
  for (const name of ['metadata', 'packages'] as const) {
    const files = smallFirst.filter(({ file }) => (file.because === 'metadata') === (name === 'metadata'));
    if (files.length === 0) continue;
    const phase = run.phase(name);
    phase.expect(
      files.length,
      files.reduce((sum, { file }) => sum + file.bytes, 0),
    );
    await forEachBounded(files, lanes, signal, async ({ file, reference }, during) => {
      const supplier = supplierOf(reference.repository, reference.shared);
      try {
        if (supplier === null)
          throw new WaystationError('upstream_missing', `${file.repository} has no upstream that can be asked now`);
        await fetchAgain(sink, reference, supplier, during);
        failures = 0;
        phase.read(file.bytes, file.bytes);
        phase.fileDone();
      } catch (thrown) {
        during.throwIfAborted();
        const error = asWaystationError(thrown);
        run.failed({ path: file.path, code: error.code, reason: error.message, attempts: 1, nextTry: null });
        failures = linkFailures.has(error.code) ? failures + 1 : 0;
        if (error.source === 'disk' || failures >= outageAfter) throw error;
      }
    });
  }
}
