import { asWaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import { securityFiles } from '../yum/advisories.ts';
import { heldRepomd, openRecord } from './held-record.ts';
import type { Sink } from './sink.ts';

/** Decompressed. The largest real ones have some 300 MB. */
const maxUpdateinfoBytes = 2 * 1024 ** 3;

/**
 * Which packages of a repository its security advisories name, told by the name of their file. It only says what is
 * fetched first, so advisories that cannot be read name nothing.
 */
export async function namedBySecurity(
  of: { readonly sink: Sink; readonly path: string; readonly document: RepositoryDocument; readonly log: Logger },
  signal: AbortSignal,
): Promise<(href: string) => boolean> {
  const { sink, path, document, log } = of;
  if (document.content === 'file') return () => false;
  const held = { sink, path, scope: document.scope, signal };
  try {
    const { records } = await heldRepomd(held, document);
    const record = records.find(({ type }) => type === 'updateinfo');
    if (record === undefined) return () => false;
    const files = await securityFiles(openRecord(held, record, maxUpdateinfoBytes));
    return (href) => files.has(href.slice(href.lastIndexOf('/') + 1));
  } catch (thrown) {
    signal.throwIfAborted();
    log.warn({ path, reason: asWaystationError(thrown).message }, 'security advisories cannot be read');
    return () => false;
  }
}
