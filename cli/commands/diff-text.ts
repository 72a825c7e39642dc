import type { FileChanges, RepositoryDiff } from '../../mirror/repository-diff.ts';
import type { GenerationDiff } from '../../sync/generation-diff.ts';
import { plainText, type Terminal } from '../terminal.ts';

type Paint = Terminal['paint'];

/** A comparison for people, line by line: `+` came, `-` went, `~` another version, `!` another file of the same version. */
export function* diffText({ from, to, repositories }: GenerationDiff, paint: Paint): Generator<string> {
  yield plainText(`from ${from.id} of ${from.subscription} (${from.created})`);
  yield plainText(`  to ${to.id} of ${to.subscription} (${to.created})`);
  yield* repositoriesText(repositories, paint);
}

/** The differences of repositories, each under its path, and how many differ. */
export function* repositoriesText(repositories: readonly RepositoryDiff[], paint: Paint): Generator<string> {
  const differing = repositories.filter(({ state }) => state !== 'unchanged');
  for (const repository of differing) yield* repositoryLines(repository, paint);
  const same = repositories.length - differing.length;
  yield '';
  yield differing.length === 0
    ? 'nothing differs'
    : `${differing.length} differ, ${same} ${same === 1 ? 'is' : 'are'} the same`;
}

function* repositoryLines(
  { path, state, packages, advisories, files, error }: RepositoryDiff,
  paint: Paint,
): Generator<string> {
  const { added, removed, changed, rebuilt } = packages;
  const { gained, lost } = advisories;
  const counts = [
    [added, 'added'],
    [removed, 'removed'],
    [changed, 'changed'],
    [rebuilt, 'of the same version and another file'],
    [gained, 'advisories gained'],
    [lost, 'advisories lost'],
    ...fileCounts(files),
  ] as const;
  const told = counts.filter(([list]) => list.length > 0).map(([list, what]) => `${list.length} ${what}`);
  const word = state === 'changed' ? '' : ` (repository ${state})`;
  const same = files === undefined ? 'the same packages and advisories' : 'the same files';
  const nothing = error === null ? same : 'not compared';
  yield '';
  yield `${paint('bold', plainText(path))}${word}: ${told.length === 0 ? nothing : told.join(', ')}`;
  yield* packageLines(packages, paint);
  if (files !== undefined) yield* fileLines(files, paint);
  for (const id of gained) yield plainText(`  + advisory ${id}`);
  for (const id of lost) yield plainText(`  - advisory ${id}`);
}

function* packageLines(
  { added, removed, changed, rebuilt }: RepositoryDiff['packages'],
  paint: Paint,
): Generator<string> {
  for (const nevra of added) yield paint('green', plainText(`  + ${nevra}`));
  for (const nevra of removed) yield paint('red', plainText(`  - ${nevra}`));
  for (const { name, arch, from, to } of changed)
    yield paint('yellow', plainText(`  ~ ${name}.${arch} ${from.join(', ')} -> ${to.join(', ')}`));
  for (const nevra of rebuilt) yield paint('yellow', plainText(`  ! ${nevra}`));
}

function fileCounts(files: RepositoryDiff['files']): (readonly [readonly string[], string])[] {
  if (files === undefined) return [];
  return [
    [files.added, 'files added'],
    [files.removed, 'files removed'],
    [files.changed, 'files changed'],
  ];
}

function* fileLines({ added, removed, changed }: FileChanges, paint: Paint): Generator<string> {
  for (const name of added) yield paint('green', plainText(`  + ${name}`));
  for (const name of removed) yield paint('red', plainText(`  - ${name}`));
  for (const name of changed) yield paint('yellow', plainText(`  ! ${name}`));
}
