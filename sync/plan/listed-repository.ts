import type { Digest } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { pinnedFiles, treeFiles } from '../../cache/generations/pinned-files.ts';
import type { ListedRepository, PlanFile } from './decide.ts';

/** Packages after which others get their turn. */
const packagesPerTurn = 2_000;

/** The packages of a map, in any order. @throws when the map is damaged. */
export type PackagesOf = (map: Digest) => AsyncIterable<Pick<PlanFile, 'listed'>>;

/** One repository, as it is served and as its upstream shows it. */
export interface RepositoryChange {
  readonly path: string;
  readonly before: RepositoryDocument | null;
  readonly after: RepositoryDocument;
  /** The map that lists what the policy wants of it; null: no packages. */
  readonly wanted: Digest | null;
  /** Whether the policy fetches the files of its installation tree, too. */
  readonly fetchesTree: boolean;
}

/** What a repository lists, read from package maps while it is gone through: one block of a map is in memory. */
export function listedRepository(change: RepositoryChange, of: PackagesOf): ListedRepository {
  const { path, before, after, wanted, fetchesTree } = change;
  return {
    path,
    wanted: async function* everyWanted() {
      yield* files(path, after, wanted, of);
      if (fetchesTree) yield* tree(path, after);
    },
    others: async function* everyOther() {
      yield* packages(path, after, after.map === wanted ? null : after.map, of);
      if (!fetchesTree) yield* tree(path, after);
    },
    before: async function* everyServed() {
      if (before === null) return;
      yield* files(path, before, before.map, of);
      yield* tree(path, before);
    },
  };
}

/** `.treeinfo` says no sizes. */
function* tree(path: string, document: RepositoryDocument): Generator<PlanFile> {
  for (const [, digest] of treeFiles(document)) {
    yield { scope: possessionScope(document.scope, path, { digest }), listed: { digest, size: null } };
  }
}

async function* files(
  path: string,
  document: RepositoryDocument,
  map: Digest | null,
  of: PackagesOf,
): AsyncGenerator<PlanFile> {
  for (const [, listed] of pinnedFiles(document)) {
    yield { scope: possessionScope(document.scope, path, listed), listed };
  }
  yield* packages(path, document, map, of);
}

async function* packages(
  path: string,
  { scope }: RepositoryDocument,
  map: Digest | null,
  of: PackagesOf,
): AsyncGenerator<PlanFile> {
  if (map === null) return;
  let seen = 0;
  for await (const { listed } of of(map)) {
    yield { scope: possessionScope(scope, path, listed), listed };
    seen += 1;
    if (seen % packagesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
