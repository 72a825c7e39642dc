import { algorithmOf, hasher } from '../base/digest.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import { possessionScope } from '../base/generation.ts';
import { decompress } from '../yum/decompress.ts';
import { parseRepomd } from '../yum/repomd.ts';
import type { Repomd, RepomdRecord } from '../yum/repomd.ts';
import { verifyOpen } from '../yum/verify-open.ts';
import type { Sink } from './sink.ts';

/** Where a repository's held metadata is. */
export interface HeldMetadata {
  readonly sink: Pick<Sink, 'read'>;
  /** Of the repository, as served. */
  readonly path: string;
  /** Possession scope of the repository's bytes. */
  readonly scope: string;
  readonly signal: AbortSignal;
}

/**
 * A held record as repomd.xml means it: decompressed, and proven by its open checksum in the end.
 * @param maxBytes that may come out, where repomd.xml does not say less.
 */
export function openRecord(held: HeldMetadata, record: RepomdRecord, maxBytes: number): AsyncIterable<Buffer> {
  const { listed, open } = record;
  const scope = possessionScope(held.scope, held.path, listed);
  const limits = { maxBytes: Math.min(open?.size ?? maxBytes, maxBytes) };
  return verifyOpen(decompress(abortable(held.sink.read(scope, listed), held.signal), limits), open);
}

/** Whether the bytes of a held record are those that repomd.xml lists: what is wrong with it is then its producer's. */
export async function isIntact(held: HeldMetadata, { listed }: RepomdRecord): Promise<boolean> {
  const hash = hasher(algorithmOf(listed.digest));
  const scope = possessionScope(held.scope, held.path, listed);
  for await (const chunk of abortable(held.sink.read(scope, listed), held.signal)) hash.update(chunk);
  return hash.digest() === listed.digest;
}

/** The repomd.xml that a document was made from, which is held. @throws WaystationError */
export async function heldRepomd(held: HeldMetadata, document: RepositoryDocument): Promise<Repomd> {
  const chunks: Buffer[] = [];
  const scope = possessionScope(held.scope, held.path, document.repomd);
  for await (const chunk of held.sink.read(scope, document.repomd)) chunks.push(chunk);
  return parseRepomd(Buffer.concat(chunks));
}

async function* abortable(source: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}
