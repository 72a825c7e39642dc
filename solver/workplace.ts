import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { algorithmOf, hexOf } from '../base/digest.ts';
import type { Listed } from '../base/digest.ts';
import type { SolverRecord, SolverRepository } from './question.ts';

/** What solvers read. dnf fetches all that it knows of what repomd.xml lists, so that is all that it is shown. */
const wantedTypes: ReadonlySet<string> = new Set(['primary', 'filelists', 'modules', 'group', 'group_gz']);

/** Repositories as files, for as long as a solver works. */
export interface Workplace {
  readonly directory: string;
  /** Repository id → type of a record → its file, relative to the repository's folder. */
  readonly records: Readonly<Record<string, Readonly<Record<string, string>>>>;
  remove(): Promise<void>;
}

/**
 * Copies the metadata of repositories into a new temporary folder: `<id>/repodata/…` with a repomd.xml that lists only
 * what a solver reads. The copies are of compressed files, some 50 MB for a large distribution.
 */
export async function layOut(repositories: readonly SolverRepository[], signal: AbortSignal): Promise<Workplace> {
  const directory = await mkdtemp(join(tmpdir(), 'waystation-solver-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const records: Record<string, Record<string, string>> = {};
    for (const { id, records: all } of repositories) {
      const wanted = all.filter(({ type }) => wantedTypes.has(type));
      await mkdir(join(directory, id, 'repodata'), { recursive: true });
      for (const record of wanted)
        await pipeline(record.read(), createWriteStream(join(directory, id, placeOf(record))), { signal });
      await writeFile(join(directory, id, 'repodata/repomd.xml'), repomdOf(wanted));
      records[id] = Object.fromEntries(wanted.map((record) => [record.type, placeOf(record)]));
    }
    return { directory, records, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The extension says how a file is compressed; the rest of the name is ours. */
function placeOf({ type, href }: SolverRecord): string {
  const name = basename(href);
  const known = /\.(?:xml|yaml)(?:\.(?:gz|xz|zst|bz2))?$/.exec(name);
  return `repodata/${type}${known?.[0] ?? '.xml'}`;
}

function repomdOf(records: readonly SolverRecord[]): string {
  const checksum = (element: string, { digest }: Listed): string =>
    `<${element} type="${algorithmOf(digest)}">${hexOf(digest)}</${element}>`;
  const data = records.map((record) => {
    const { type, listed, open } = record;
    const opened = open === null ? '' : `${checksum('open-checksum', open)}<open-size>${String(open.size)}</open-size>`;
    return `<data type="${type}">${checksum('checksum', listed)}${opened}<location href="${placeOf(record)}"/>\
<size>${listed.size}</size></data>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">\
<revision>1</revision>${data.join('')}</repomd>\n`;
}
