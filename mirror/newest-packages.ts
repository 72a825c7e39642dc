import type { Digest } from '../base/digest.ts';
import { digestOf } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import { noModules, readModules } from '../yum/modules.ts';
import type { Modules } from '../yum/modules.ts';
import { NewestPackages } from '../yum/newest.ts';
import { readPrimary } from '../yum/primary.ts';
import type { Repomd } from '../yum/repomd.ts';
import { heldRepomd, isIntact, openRecord } from './held-record.ts';
import type { HeldMetadata } from './held-record.ts';
import { maxPrimaryBytes } from './package-map.ts';
import type { Sink } from './sink.ts';

/** Decompressed. The largest real ones have some 20 MB. */
const maxModulesBytes = 256 * 1024 * 1024;

/** What is wrong with the bytes themselves. */
const lasting: ReadonlySet<ErrorCode> = new Set(['metadata_invalid', 'metadata_too_large', 'record_mismatch']);

export interface NewestRequest {
  readonly sink: Sink;
  /** Of the repository, as served. */
  readonly path: string;
  /** What was proven: everything that it names is held. */
  readonly document: RepositoryDocument;
  /** So many versions of each package: of each name.arch, and of a modular one in each of its streams. */
  readonly versions: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * The name of the map of a repository's newest packages. It follows from repomd.xml, which settles primary and
 * modules.yaml, so the same question always has the same answer; `docs/on-disk-format.md` has the text.
 */
export function newestName(document: RepositoryDocument, versions: number): Digest {
  return digestOf(`newest 1\n${versions}\n${document.repomd.digest}\n`);
}

/**
 * Makes the map of the newest packages of a repository, a part of its package map, from its held metadata: unless there
 * is one.
 * @returns its name; null when the repository has no packages.
 * @throws WaystationError when its metadata cannot be read. A modules.yaml that is of no use does not matter: then there
 * are no streams.
 */
export async function ensureNewest(request: NewestRequest): Promise<Digest | null> {
  const { sink, path, document, versions, signal } = request;
  const { map, scope } = document;
  if (map === null) return null;
  const name = newestName(document, versions);
  if ((await sink.map(name)) !== null) return name;
  const chosen = document.content === 'file' ? null : await newestHrefs(request, { sink, path, scope, signal });
  await sink.writeMap(name, async (to) => {
    // By way of the package map: what that does not list, nobody is served.
    for await (const entry of sink.packages(map)) {
      signal.throwIfAborted();
      // Plain files have no versions: each is the newest of its name.
      if (chosen?.has(entry.href) ?? true) to.add(entry);
    }
  });
  return name;
}

async function newestHrefs(request: NewestRequest, held: HeldMetadata): Promise<ReadonlySet<string>> {
  const repomd = await heldRepomd(held, request.document);
  const modules = await modulesOf(request, held, repomd);
  return chosenHrefs(request, held, { repomd, modules });
}

async function chosenHrefs(
  { versions, log }: NewestRequest,
  held: HeldMetadata,
  { repomd, modules }: { readonly repomd: Repomd; readonly modules: Modules },
): Promise<ReadonlySet<string>> {
  const primary = repomd.records.find(({ type }) => type === 'primary');
  if (primary === undefined) return new Set();
  return readPrimary(
    () => openRecord(held, primary, maxPrimaryBytes),
    async (fill) => {
      const newest = new NewestPackages(versions, (nevra) => modules.streamsOf(nevra));
      await fill(newest);
      return newest.hrefs();
    },
    { onFallback: (reason) => log.info({ file: primary.href, reason }, 'primary is read by the slower parser') },
  );
}

async function modulesOf({ path, log }: NewestRequest, held: HeldMetadata, repomd: Repomd): Promise<Modules> {
  const record = repomd.records.find(({ type }) => type === 'modules');
  if (record === undefined) return noModules;
  try {
    const modules = await readModules(openRecord(held, record, maxModulesBytes));
    if (modules.unusable > 0)
      log.warn({ path, file: record.href, documents: modules.unusable }, 'module streams that cannot be read');
    return modules;
  } catch (thrown) {
    held.signal.throwIfAborted();
    const { code, message } = asWaystationError(thrown);
    // What the same bytes will always be: anything else may be better at the next try, and the map is made only once.
    if (!lasting.has(code) || !(await isIntact(held, record))) throw thrown;
    log.warn({ path, file: record.href, reason: message }, 'module streams do not count: their list cannot be read');
    return noModules;
  }
}
