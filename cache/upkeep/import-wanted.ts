import { WaystationError } from '../../base/errors.ts';
import type { Listed } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Generations } from '../generations/generations.ts';
import { pinnedFiles } from '../generations/pinned-files.ts';
import type { Maps } from '../maps.ts';
import { WantedTable } from './wanted-table.ts';

/** What lists files, and what says which are held. */
export interface Listings {
  readonly generations: Pick<Generations, 'subscriptions' | 'kept'>;
  readonly maps: Pick<Maps, 'get'>;
  readonly blobs: Pick<BlobStore, 'holds'>;
}

/**
 * The scopes that files of unknown origin prove possession of: `open`; and those of one subscription, when its operator
 * says that the files are what it gave.
 * @throws WaystationError `nothing_listed` when no kept generation has a repository in them.
 */
export function importableScopes(generations: Listings['generations'], subscription: string | null): Set<string> {
  const scopes = new Set(['open']);
  const repositories = generations.subscriptions().flatMap((name) =>
    generations.kept(name).flatMap((generation) => {
      const documents = Object.values(generation.repositories);
      if (name === subscription) for (const { scope } of documents) scopes.add(scope);
      return documents;
    }),
  );
  if (subscription !== null && generations.kept(subscription).length === 0)
    throw new WaystationError('nothing_listed', `subscription ${subscription} has no generation yet: ${syncFirst}`);
  if (repositories.length === 0)
    throw new WaystationError('nothing_listed', `no subscription has a generation yet: ${syncFirst}`);
  if (!repositories.some(({ scope }) => scopes.has(scope)))
    throw new WaystationError(
      'nothing_listed',
      'every repository belongs to an identity at its hub, which files of unknown origin do not prove: name the subscription that they came from',
    );
  return scopes;
}

const syncFirst =
  'nothing says which files are right. Run `waystation sync --wait` first (with policy on-demand it reads metadata only)';

/**
 * Every listed file, of all kept generations, that an import may prove and that has one of these sizes; each with
 * whether it is held, as the disk says.
 * @param damaged told of a repository whose packages are not known.
 */
export async function gatherWanted(
  { generations, maps, blobs }: Listings,
  asked: { readonly scopes: ReadonlySet<string>; readonly sizes: ReadonlySet<number>; readonly signal: AbortSignal },
  damaged: (path: string, error: WaystationError) => void,
): Promise<WantedTable> {
  const table = new WantedTable();
  const seen = new Set<string>();
  const add = async (scope: string, listed: Listed): Promise<void> => {
    if (!asked.sizes.has(listed.size) || table.entry(scope, listed) >= 0) return;
    asked.signal.throwIfAborted();
    table.add(scope, listed, await blobs.holds(scope, listed));
  };
  for (const [path, document] of repositoriesOf(generations)) {
    if (!asked.scopes.has(document.scope)) continue;
    for (const [, listed] of pinnedFiles(document)) await add(possessionScope(document.scope, path, listed), listed);
    const key = `${document.scope} ${document.map} ${path}`;
    if (document.map === null || seen.has(key)) continue;
    seen.add(key);
    try {
      const map = await maps.get(document.map);
      if (map === null) throw new WaystationError('blob_damaged', `the package map of ${path} is damaged or lost`);
      for await (const { listed } of map.entries()) await add(possessionScope(document.scope, path, listed), listed);
    } catch (error) {
      if (!(error instanceof WaystationError) || error.source !== 'disk') throw error;
      damaged(path, error);
    }
  }
  return table;
}

function* repositoriesOf(generations: Listings['generations']): Generator<[string, RepositoryDocument]> {
  for (const name of generations.subscriptions())
    for (const generation of generations.kept(name)) yield* Object.entries(generation.repositories);
}
