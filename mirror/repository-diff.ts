import type { Digest, Listed } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { possessionScope } from '../base/generation.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import { decompress } from '../yum/decompress.ts';
import { readPrimary } from '../yum/primary.ts';
import { parseRepomd } from '../yum/repomd.ts';
import type { RepomdRecord } from '../yum/repomd.ts';
import { readAdvisoryIds } from '../yum/updateinfo.ts';
import { verifyOpen } from '../yum/verify-open.ts';
import { differingHrefs } from './differing-hrefs.ts';
import type { Hrefs } from './differing-hrefs.ts';
import { PackageList } from './package-changes.ts';
import type { PackageChanges } from './package-changes.ts';

/** More than any real record has; without an open-size in repomd.xml nothing else bounds it. */
const maxRecordBytes = 8 * 1024 ** 3;
/** Of plain files that came, went or changed. */
const mostFileNames = 10_000;

/** Where metadata is read: what is held, nobody is asked. */
export interface MetadataReader {
  read(scope: string, listed: Listed): AsyncIterable<Buffer>;
  /** The hrefs of a package map in the order of their bytes. @throws when it is lost or damaged. */
  packages(primary: Digest): AsyncIterable<{ readonly href: string; readonly listed: Listed }>;
}

/** How one repository differs between two moments. */
export interface RepositoryDiff {
  readonly path: string;
  /** `changed`: its repomd.xml is another one, even if what it lists is the same. */
  readonly state: 'added' | 'removed' | 'changed' | 'unchanged';
  readonly packages: PackageChanges;
  /** Ids of updateinfo.xml, sorted. */
  readonly advisories: { readonly gained: readonly string[]; readonly lost: readonly string[] };
  /** Of a repository of plain files, by name; absent: it has packages. At most 10,000 of each. */
  readonly files?: FileChanges;
  /** Why it could not be compared; what could is there all the same. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

export interface FileChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** One repository at one moment. */
export interface RepositoryState extends Pick<RepositoryDocument, 'scope' | 'repomd' | 'map'> {
  /** Of its source: scopes of forgeable digests are named by it. */
  readonly path: string;
  readonly content?: 'file' | undefined;
}

/** One of the two. */
interface Side {
  readonly document: RepositoryState;
  readonly primary: RepomdRecord | null;
  readonly updateinfo: RepomdRecord | null;
}

const nothing = {
  packages: { added: [], removed: [], changed: [], rebuilt: [] },
  advisories: { gained: [], lost: [] },
};

/**
 * Compares repositories by the metadata that is held. Memory grows with what differs, not with what there is.
 */
export class RepositoryComparison {
  readonly #reader: MetadataReader;

  constructor(reader: MetadataReader) {
    this.#reader = reader;
  }

  /** @param path of the answer. null: it was not there. Never rejects for what cannot be read: that is in the answer. */
  async compare(path: string, before: RepositoryState | null, after: RepositoryState | null): Promise<RepositoryDiff> {
    const state = stateOf(before, after);
    if (state === 'unchanged') return { path, state, ...nothing, error: null };
    let compared: Pick<RepositoryDiff, 'packages' | 'advisories' | 'files'> = nothing;
    try {
      if (before?.content === 'file' || after?.content === 'file') {
        compared = { ...compared, files: await this.#files(before?.map ?? null, after?.map ?? null) };
        return { path, state, ...compared, error: null };
      }
      const [from, to] = [await this.#side(before), await this.#side(after)];
      compared = { ...compared, packages: await this.#packages(from, to) };
      compared = { ...compared, advisories: await this.#advisories(from, to) };
    } catch (thrown) {
      const { code, message } = asWaystationError(thrown);
      return { path, state, ...compared, error: { code, message } };
    }
    return { path, state, ...compared, error: null };
  }

  async #side(document: RepositoryState | null): Promise<Side | null> {
    if (document === null) return null;
    const chunks: Buffer[] = [];
    const scope = possessionScope(document.scope, document.path, document.repomd);
    for await (const chunk of this.#reader.read(scope, document.repomd)) chunks.push(chunk);
    const { records } = parseRepomd(Buffer.concat(chunks));
    const record = (type: string): RepomdRecord | null => records.find((each) => each.type === type) ?? null;
    return { document, primary: record('primary'), updateinfo: record('updateinfo') };
  }

  async #files(from: Digest | null, to: Digest | null): Promise<FileChanges> {
    const entries = (map: Digest | null): ReturnType<MetadataReader['packages']> =>
      map === null ? ReadableStream.from([]) : this.#reader.packages(map);
    const { from: before, to: after } = await differingHrefs(entries(from), entries(to));
    const names = (list: ReadonlySet<string>): readonly string[] => [...list].slice(0, mostFileNames);
    return {
      added: names(after.difference(before)),
      removed: names(before.difference(after)),
      changed: names(after.intersection(before)),
    };
  }

  async #packages(from: Side | null, to: Side | null): Promise<PackageChanges> {
    if (isSame(from?.primary, to?.primary)) return nothing.packages;
    const differing = await this.#differing(from?.document.map ?? null, to?.document.map ?? null);
    const before = await this.#listed(from, differing?.from ?? null);
    const after = await this.#listed(to, differing?.to ?? null);
    return before.changesTo(after);
  }

  /** null: the maps do not tell, so every package may differ. */
  async #differing(from: Digest | null, to: Digest | null): Promise<Hrefs | null> {
    if (from === null || to === null) return null;
    try {
      return await differingHrefs(this.#reader.packages(from), this.#reader.packages(to));
    } catch {
      return null;
    }
  }

  async #listed(side: Side | null, hrefs: ReadonlySet<string> | null): Promise<PackageList> {
    const record = side?.primary ?? null;
    if (side === null || record === null || hrefs?.size === 0) return new PackageList();
    return readPrimary(
      () => this.#open(side, record),
      async (fill) => {
        const list = new PackageList();
        await fill({
          add: (entry) => {
            if (hrefs === null || hrefs.has(entry.href)) list.add(entry);
          },
          unservable: () => {},
        });
        return list;
      },
    );
  }

  async #advisories(from: Side | null, to: Side | null): Promise<RepositoryDiff['advisories']> {
    if (isSame(from?.updateinfo, to?.updateinfo)) return nothing.advisories;
    const [before, after] = [await this.#ids(from), await this.#ids(to)];
    return { gained: [...after.difference(before)].toSorted(), lost: [...before.difference(after)].toSorted() };
  }

  async #ids(side: Side | null): Promise<ReadonlySet<string>> {
    const record = side?.updateinfo ?? null;
    return side === null || record === null ? new Set() : readAdvisoryIds(this.#open(side, record));
  }

  #open({ document }: Side, { listed, open }: RepomdRecord): AsyncIterable<Buffer> {
    const scope = possessionScope(document.scope, document.path, listed);
    const maxBytes = Math.min(open?.size ?? maxRecordBytes, maxRecordBytes);
    return verifyOpen(decompress(this.#reader.read(scope, listed), { maxBytes }), open);
  }
}

function stateOf(before: RepositoryState | null, after: RepositoryState | null): RepositoryDiff['state'] {
  if (before === null) return 'added';
  if (after === null) return 'removed';
  return before.repomd.digest === after.repomd.digest ? 'unchanged' : 'changed';
}

function isSame(one: RepomdRecord | null | undefined, other: RepomdRecord | null | undefined): boolean {
  return (one?.listed.digest ?? null) === (other?.listed.digest ?? null);
}
