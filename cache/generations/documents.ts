import { join } from 'node:path';
import { parseDigest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';

/** What was found on disk. */
export interface Found {
  readonly documents: Map<string, readonly GenerationDocument[]>;
  readonly unreadable: readonly Unreadable[];
}

/** A document, or a folder of them, that cannot be read: what it refers to is not known. */
export interface Unreadable {
  readonly path: string;
  /** null: the folder of all subscriptions. */
  readonly subscription: string | null;
}

/** As it is written. */
export function encodeDocument(document: GenerationDocument): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Ids begin with their time, so that they sort by it; of one second, the time with milliseconds decides. */
export function newestFirst(one: GenerationDocument, other: GenerationDocument): number {
  return Date.parse(other.created) - Date.parse(one.created) || (other.id < one.id ? -1 : 1);
}

/**
 * Every document on disk; what cannot be read is passed over and named.
 * @param known the document if it need not be read.
 */
export async function readAll(
  disk: Disk,
  layout: Layout,
  log: Logger,
  known: (subscription: string, id: string) => GenerationDocument | null,
): Promise<Found> {
  const documents = new Map<string, readonly GenerationDocument[]>();
  const unreadable: Unreadable[] = [];
  const list = async (path: string, subscription: string | null): Promise<readonly string[]> => {
    try {
      return (await disk.list(path)).toSorted();
    } catch (error) {
      unreadable.push({ path, subscription });
      log.error({ path, error: diskError(error, path).message }, 'a folder of generations cannot be listed');
      return [];
    }
  };
  for (const subscription of await list(layout.generations, null)) {
    const folder = layout.generationFolder(subscription);
    const found: GenerationDocument[] = [];
    for (const name of await list(folder, subscription)) {
      if (!name.endsWith('.json')) continue;
      const id = name.slice(0, -'.json'.length);
      const path = join(folder, name);
      const document = known(subscription, id) ?? (await readDocument(disk, { path, subscription, id }, log));
      if (document !== null) found.push(document);
      // Under another name than documents have it is somebody's own file.
      else if (/^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(id)) unreadable.push({ path, subscription });
    }
    if (found.length > 0) documents.set(subscription, found.toSorted(newestFirst));
  }
  return { documents, unreadable };
}

async function readDocument(
  disk: Disk,
  named: { path: string; subscription: string; id: string },
  log: Logger,
): Promise<GenerationDocument | null> {
  try {
    const bytes = await disk.readFile(named.path);
    const document = JSON.parse(bytes?.toString() ?? '') as GenerationDocument | null;
    const whole =
      document?.format === 1 &&
      document.id === named.id &&
      document.subscription === named.subscription &&
      isObject(document.repositories) &&
      Object.values(document.repositories).every(isRepository);
    if (!whole) throw new WaystationError('blob_damaged', 'no generation document of this format and name');
    return document;
  } catch (error) {
    log.error({ path: named.path, error: String(error) }, 'a generation document cannot be read');
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Whether what serving reads without asking is there; what a version before wrote has all of it. */
function isRepository(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { scope, repomd, records, tree } = value;
  const whole = typeof scope === 'string' && isListed(repomd) && isObject(records);
  return whole && Object.values(records).every(isListed) && (tree === undefined || isTree(tree));
}

function isTree(value: unknown): boolean {
  if (!isObject(value) || !isObject(value['files'])) return false;
  return Object.values(value['files']).every(isDigest) && Array.isArray(value['variants']);
}

function isDigest(value: unknown): boolean {
  return typeof value === 'string' && parseDigest(value) === value;
}

function isListed(value: unknown): boolean {
  return (
    isObject(value) && parseDigest(String(value['digest'])) === value['digest'] && Number.isSafeInteger(value['size'])
  );
}
