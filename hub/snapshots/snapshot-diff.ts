import { RepositoryComparison } from '../../mirror/repository-diff.ts';
import type { MetadataReader, RepositoryDiff, RepositoryState } from '../../mirror/repository-diff.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { OriginsDocument } from '../content/origins.ts';
import type { Note } from './notes.ts';

/** A snapshot with what its hub alone knows of it. */
export interface KnownSnapshot {
  readonly snapshot: SnapshotDocument;
  readonly origins: OriginsDocument;
  readonly notes: readonly Note[];
}

interface SnapshotName {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
}

export interface SnapshotDiff {
  readonly from: SnapshotName;
  readonly to: SnapshotName;
  /** Of every repository that either of the two has, by path. */
  readonly repositories: readonly RepositoryDiff[];
  /** Notes of the two about packages that came, went or changed. */
  readonly notes: readonly (Note & { readonly snapshot: string })[];
}

/** Compares two snapshots by the metadata in the store; what cannot be read of it is in the answer. */
export async function snapshotDiff(
  reader: MetadataReader,
  from: KnownSnapshot,
  to: KnownSnapshot,
): Promise<SnapshotDiff> {
  const comparison = new RepositoryComparison(reader);
  const paths = new Set([from, to].flatMap(({ snapshot }) => Object.keys(snapshot.repositories)));
  const repositories: RepositoryDiff[] = [];
  for (const path of [...paths].toSorted())
    repositories.push(await comparison.compare(path, stateOf(from, path), stateOf(to, path)));
  const named = new Set(repositories.flatMap(nevrasOf));
  const notes = [from, to].flatMap(({ snapshot, notes: all }) =>
    all.filter(({ nevra }) => named.has(nevra)).map((note) => ({ ...note, snapshot: snapshot.name })),
  );
  return { from: nameOf(from), to: nameOf(to), repositories, notes };
}

function stateOf({ snapshot, origins }: KnownSnapshot, path: string): RepositoryState | null {
  const repository = snapshot.repositories[path];
  if (repository === undefined) return null;
  const { scope, path: source } = origins.repositories[path] ?? { scope: 'open', path };
  const { content, repomd, map } = repository;
  return { content, repomd, map, scope, path: source };
}

function nevrasOf({ packages }: RepositoryDiff): readonly string[] {
  const { added, removed, changed, rebuilt } = packages;
  const versions = changed.flatMap(({ name, arch, from, to }) =>
    [...from, ...to].map((version) => `${name}-${version}.${arch}`),
  );
  return [...added, ...removed, ...rebuilt, ...versions];
}

function nameOf({ snapshot: { name, created } }: KnownSnapshot): SnapshotName {
  return { name, created };
}
