import { digestOf } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';

/** A repository document whose files follow from `content`; its one record is named by its checksum. */
export function documentOf(content: string, changes: Partial<RepositoryDocument> = {}): RepositoryDocument {
  const listed = { digest: digestOf(content), size: content.length };
  return {
    scope: 'open',
    guard: null,
    repomd: { digest: digestOf(`repomd of ${content}`), size: 10 },
    asc: null,
    key: null,
    treeinfo: null,
    records: { [`repodata/${listed.digest.slice(7)}-primary.xml.gz`]: listed },
    map: listed.digest,
    ...changes,
  };
}
