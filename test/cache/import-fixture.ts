import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import type { ImportReport } from '../../base/status.ts';
import { HoldingsCounter } from '../../cache/blobs/holdings.ts';
import type { Disk } from '../../disk/disk.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { SpaceLimits } from '../../cache/space/space.ts';
import { Generations } from '../../cache/generations/generations.ts';
import { Maps } from '../../cache/maps.ts';
import { importTree } from '../../cache/upkeep/import.ts';
import { folderTree } from '../../cache/upkeep/imported-tree.ts';
import type { OpenTree } from '../../cache/upkeep/imported-tree.ts';
import type { ImportRequest } from '../../cache/upkeep/import.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation, repositoryDocument } from './generation-documents.ts';
import { pieces } from './pieces.ts';
import type { Pieces } from './pieces.ts';

/** What a repository of the fixture lists: href → file. */
export type Packages = Readonly<Record<string, Listed>>;

/** One repository for `Importing.publish`. */
export interface Published {
  readonly packages?: Packages;
  readonly fields?: Partial<RepositoryDocument>;
}

/** The store's parts that an import needs, over real folders, and a tree beside them that files are put into. */
export interface Importing extends AsyncDisposable {
  readonly store: Pieces;
  readonly generations: Generations;
  readonly maps: Maps;
  /** The folder that is imported. */
  readonly tree: string;
  /** What was reported as failed, by the last run. */
  readonly failures: { readonly path: string; readonly error: WaystationError }[];
  /** Writes a file of the tree. */
  put(name: string, bytes: Uint8Array | string): Promise<string>;
  /** Publishes the nth generation of a subscription. */
  publish(
    repositories: Readonly<Record<string, Published>>,
    options?: { subscription?: string; number?: number },
  ): Promise<void>;
  run(request?: Partial<ImportRequest>): Promise<ImportReport>;
}

export async function importing(
  options: { disk?: Disk; limits?: SpaceLimits; root?: string; tree?: string; openTree?: OpenTree } = {},
): Promise<Importing> {
  const { disk = systemDisk, openTree = folderTree } = options;
  const folder = await temporaryDirectory();
  const store = await pieces({ ...options, root: options.root ?? join(folder.path, 'state') });
  const tree = options.tree ?? join(folder.path, 'tree');
  await mkdir(tree, { recursive: true });
  // What lists files is there before: only the import's own calls are to fail.
  const generations = await Generations.load(systemDisk, store.layout, silentLogger);
  const maps = new Maps(systemDisk, store.layout);
  const holdings = new HoldingsCounter(maps, store.index, store.clock);
  const failures: { path: string; error: WaystationError }[] = [];
  const never = new AbortController().signal;
  const doubtful = new Set<string>();
  return {
    store,
    generations,
    maps,
    tree,
    failures,
    put: async (name, bytes) => {
      const path = join(tree, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
      return path;
    },
    publish: async (repositories, { subscription = 'corp', number = 1 } = {}) => {
      const documents: Record<string, RepositoryDocument> = {};
      for (const [path, { packages = {}, fields = {} }] of Object.entries(repositories)) {
        const primary = digestOf(`${subscription} ${number} ${path}`);
        await maps.make(primary, async (to) => {
          for (const [href, listed] of Object.entries(packages)) to.add({ href, listed });
        });
        documents[path] = repositoryDocument({ map: primary, ...fields });
      }
      await generations.publish(generation(number, documents, subscription));
    },
    run: (request = {}) => {
      failures.length = 0;
      return importTree(
        {
          ...store,
          disk,
          generations,
          maps,
          openTree,
          doubtful,
          counted: () => Promise.resolve(),
          holdings: (path, document) => holdings.of(path, document),
        },
        { directory: tree, subscription: null, link: false, dryRun: false, signal: never, ...request },
        { expected: () => {}, done: () => {}, failed: (path, error) => failures.push({ path, error }) },
      );
    },
    [Symbol.asyncDispose]: async () => {
      await maps.close();
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
