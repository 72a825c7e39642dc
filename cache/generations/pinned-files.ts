import type { Listed } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';

/** A file that a repository's document names itself, by its href. */
export type PinnedFile = readonly [href: string, listed: Listed];

/** The files that a repository's document names itself, not by its package map: its metadata. */
export function pinnedFiles({ repomd, asc, key, treeinfo, records }: RepositoryDocument): readonly PinnedFile[] {
  const named: (readonly [string, Listed | null])[] = [
    ['repodata/repomd.xml', repomd],
    ['repodata/repomd.xml.asc', asc],
    ['repodata/repomd.xml.key', key],
    ['.treeinfo', treeinfo],
    ...Object.entries(records),
  ];
  return named.flatMap(([href, listed]) => (listed === null ? [] : [[href, listed] as const]));
}
