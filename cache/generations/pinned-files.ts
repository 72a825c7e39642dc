import type { Digest, Listed } from '../../base/digest.ts';
import { rootHref } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';

/** A file that a repository's document names itself, by its href. */
export type PinnedFile = readonly [href: string, listed: Listed];

/** The files that a repository's document names itself, not by its package map: its metadata. */
export function pinnedFiles(document: RepositoryDocument): readonly PinnedFile[] {
  const { repomd, asc, key, treeinfo, records } = document;
  const named: (readonly [string, Listed | null])[] = [
    [rootHref(document), repomd],
    ['repodata/repomd.xml.asc', asc],
    ['repodata/repomd.xml.key', key],
    ['.treeinfo', treeinfo],
    ...Object.entries(records),
  ];
  return named.flatMap(([href, listed]) => (listed === null ? [] : [[href, listed] as const]));
}

/** A file that a repository's document names by its digest alone: whoever holds it knows its size (`HeldSizes`). */
export type TreeFile = readonly [href: string, digest: Digest];

/** The files of the installation tree that a repository is part of: images that `.treeinfo` lists. */
export function treeFiles({ tree }: RepositoryDocument): readonly TreeFile[] {
  return Object.entries(tree?.files ?? {});
}
