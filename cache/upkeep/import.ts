import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { ImportReport } from '../../base/status.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Holdings } from '../blobs/holdings.ts';
import type { Disk } from '../../disk/disk.ts';
import { verifyFirstLimit } from '../fills/fill.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import type { Generations } from '../generations/generations.ts';
import type { Maps } from '../maps.ts';
import { changed } from './import-source.ts';
import type { SourceFile } from './import-source.ts';
import { Staging } from './import-staging.ts';
import type { StagedFile } from './import-staging.ts';
import { ImportTally, MatchedError } from './import-tally.ts';
import type { ImportWatch } from './import-tally.ts';
import { folderTree } from './imported-tree.ts';
import type { ImportedTree, OpenTree } from './imported-tree.ts';
import { gatherWanted, importableScopes } from './import-wanted.ts';
import type { Digests } from './staged-part.ts';
import type { WantedTable } from './wanted-table.ts';

/** What is to be imported, and how. */
export interface ImportRequest {
  readonly directory: string;
  /** Whose files they are; null: nobody says, and so they prove possession of `open` alone. */
  readonly subscription: string | null;
  /** Files become hard links where they can, else copies. */
  readonly link: boolean;
  /** Everything is read and compared, nothing stored. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** What an import reads and writes. */
export interface ImportStore {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly blobs: BlobStore;
  readonly space: Space;
  readonly generations: Generations;
  readonly maps: Maps;
  /** Resolves once every held file is counted. */
  readonly counted: () => Promise<void>;
  readonly holdings: (path: string, document: RepositoryDocument) => Promise<Holdings>;
  /** How trees are read. */
  readonly openTree: OpenTree;
  /** As `Staging` keeps them; over all imports of the process. */
  readonly doubtful: Set<string>;
}

/** @param parts without `openTree`, folders of this machine are imported, which does not go through `disk`. */
export function importStore({
  openTree = folderTree,
  ...parts
}: Omit<ImportStore, 'openTree' | 'doubtful'> & { readonly openTree: OpenTree | undefined }): ImportStore {
  return { ...parts, openTree, doubtful: new Set() };
}

/** Files under way at a time: files that become durable together share their syncs … */
const lanes = 32;
/** … but so many large ones at most: their disks read one after the other best. */
const largeLanes = 4;

/**
 * Takes from a tree on this machine what subscriptions list and is missing. In three steps, so that as little as possible
 * is read: the sizes of all files; the listed files that have one of them, and which of those are missing; then only files
 * of a size that is missing, each once, by every algorithm that a missing file is listed by. Names count for nothing.
 * Once the store's disk refuses, nothing more is read; what was taken stays, and the next import goes on from there.
 * @throws WaystationError `import_unreadable`, `nothing_listed`, `bad_request`; the signal's reason.
 */
export async function importTree(
  store: ImportStore,
  request: ImportRequest,
  watch: ImportWatch,
): Promise<ImportReport> {
  const { directory, subscription, signal } = request;
  const tree = await store.openTree(directory, store.layout.root);
  const tally = new ImportTally(watch);
  const sizes = new Map<number, number>();
  for await (const entry of tree.entries()) {
    signal.throwIfAborted();
    tally.met(entry);
    if (entry.kind === 'file') sizes.set(entry.size, (sizes.get(entry.size) ?? 0) + 1);
  }
  let scopes: ReadonlySet<string>;
  try {
    scopes = importableScopes(store.generations, subscription);
  } catch (error) {
    throw tally.repositories > 0 && error instanceof WaystationError
      ? new WaystationError(error.code, `${error.message}. ${directory} holds ${tally.repositories} repositories`)
      : error;
  }
  await store.counted();
  const asked = { scopes, sizes: new Set(sizes.keys()), signal };
  const table = await gatherWanted(store, asked, (path, error) => tally.unknown(path, error));
  for (const [size, files] of sizes) if ((table.missing(size) ?? 0) > 0) watch.expected(files, files * size);
  await new Import(store, request, { table, tally, tree }).run();
  return { ...tally.report(request), repositories: await heldNow(store, scopes) };
}

/** Its names in the tree are not ours, and how many of several names are ours has to be known: see `Sharing`. */
const severalNames = 'it is listed by several names';

/** One import, once it is known what is missing. */
class Import {
  readonly #store: ImportStore;
  readonly #request: ImportRequest;
  readonly #table: WantedTable;
  readonly #tally: ImportTally;
  readonly #tree: ImportedTree;
  readonly #staging: Staging;
  readonly #ending = new AbortController();
  /** Contents that a lane is at: a second file with the same waits, and then finds them held. */
  readonly #underWay = new Map<Digest, Promise<void>>();
  /** The end of the last large file of each lane. */
  readonly #large: Promise<void>[] = Array.from({ length: largeLanes }, () => Promise.resolve());
  #larges = 0;

  constructor(
    store: ImportStore,
    request: ImportRequest,
    { table, tally, tree }: { table: WantedTable; tally: ImportTally; tree: ImportedTree },
  ) {
    this.#store = store;
    this.#request = request;
    this.#table = table;
    this.#tally = tally;
    this.#tree = tree;
    const signal = AbortSignal.any([request.signal, this.#ending.signal]);
    this.#staging = new Staging(store, { algorithms: table.algorithms, link: request.link, signal });
  }

  async run(): Promise<void> {
    const entries = this.#tree.entries();
    const work = async (): Promise<void> => {
      for (;;) {
        this.#request.signal.throwIfAborted();
        this.#ending.signal.throwIfAborted();
        const next = await entries.next();
        if (next.done === true) return;
        if (next.value.kind === 'file') await this.#met(next.value.path, next.value.size);
      }
    };
    const ended = await Promise.allSettled(
      Array.from({ length: lanes }, () =>
        work().catch((error: unknown) => {
          this.#ending.abort(error);
          throw error;
        }),
      ),
    );
    await entries.return(undefined);
    this.#request.signal.throwIfAborted();
    for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
  }

  async #met(path: Buffer, size: number): Promise<void> {
    const missing = this.#table.missing(size);
    if (missing === null) return this.#tally.unlisted(null);
    if (missing === 0) return this.#tally.unneeded();
    if (this.#tally.refusal !== null) return this.#tally.left();
    try {
      await using source = await this.#tree.open(path);
      const work = (): Promise<void> => (this.#request.dryRun ? this.#compare(source) : this.#import(source));
      await (source.size <= verifyFirstLimit ? work() : this.#inTurn(work));
    } catch (error) {
      this.#request.signal.throwIfAborted();
      this.#tally.failed(path, size, error);
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const lane = (this.#larges += 1) % largeLanes;
    const done = (this.#large[lane] ?? Promise.resolve()).then(() =>
      this.#tally.refusal === null ? work() : this.#tally.left(),
    );
    this.#large[lane] = done.catch(() => {});
    await done;
  }

  async #compare(source: SourceFile): Promise<void> {
    const matches = this.#matches(await this.#staging.hash(source), source.size);
    if (matches.length === 0) return this.#tally.unlisted(source.size);
    const missing = matches.filter(({ entry }) => !this.#table.held(entry));
    for (const { entry } of missing) this.#table.took(entry);
    this.#tally.matched(source.size, missing.length, null);
  }

  async #import(source: SourceFile): Promise<void> {
    const staged = await this.#staging.stage(source);
    const sha256 = staged.digests.get('sha256') ?? 'sha256:';
    for (let other; (other = this.#underWay.get(sha256)) !== undefined;) await other;
    const taking = this.#take(source, staged);
    this.#underWay.set(
      sha256,
      taking.then(
        () => {},
        () => {},
      ),
    );
    await taking.finally(() => this.#underWay.delete(sha256));
  }

  /** Takes the file in every scope that lists it and misses it: a part for each. */
  async #take(source: SourceFile, first: StagedFile): Promise<void> {
    const { blobs } = this.#store;
    const matches = this.#matches(first.digests, source.size);
    let staged: StagedFile | null = first;
    let { copied } = first;
    let taken = 0;
    try {
      if (this.#request.link && copied === null && matches.length > 1) {
        staged = null;
        await first.discard();
      }
      for (const { entry, listed } of matches) {
        const scope = this.#table.scope(entry);
        if (this.#table.held(entry)) continue;
        // A client's fill may have been faster, or it has this name since it was taken under another.
        if (!(await blobs.holds(scope, listed))) {
          const ready: StagedFile = staged ?? (await this.#staging.copy(source, severalNames));
          staged = ready;
          copied ??= ready.copied;
          if (!this.#matches(ready.digests, source.size).some((match) => match.entry === entry))
            throw changed(source.path);
          staged = null;
          await ready.keep(scope, listed);
          taken += 1;
        }
        this.#table.took(entry);
      }
    } catch (error) {
      if (matches.length > 0) throw new MatchedError(error);
      throw error;
    } finally {
      await staged?.discard();
    }
    if (matches.length === 0) this.#tally.unlisted(source.size);
    else this.#tally.matched(source.size, taken, copied);
  }

  /** What is listed and has these digests; by sha256 last: that name comes with the others. */
  #matches(digests: Digests, size: number): { readonly entry: number; readonly listed: Listed }[] {
    return [...digests]
      .toSorted(([one], [other]) => Number(one === 'sha256') - Number(other === 'sha256'))
      .flatMap(([, digest]) => this.#table.entries(digest, size).map((entry) => ({ entry, listed: { digest, size } })));
  }
}

/** How much of every repository that is served now is held. */
async function heldNow(
  { generations, holdings }: ImportStore,
  scopes: ReadonlySet<string>,
): Promise<ImportReport['repositories']> {
  const all: ImportReport['repositories'][number][] = [];
  for (const subscription of generations.subscriptions()) {
    for (const [path, document] of Object.entries(generations.current(subscription)?.repositories ?? {})) {
      const { packages, bytes } = await holdings(path, document);
      all.push({ subscription, path, importable: scopes.has(document.scope), packages, bytes });
    }
  }
  return all;
}
