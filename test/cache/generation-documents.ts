import { digestOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';

/** A listed file whose bytes are `text`. */
export function listedText(text: string): Listed {
  return { digest: digestOf(text), size: Buffer.byteLength(text) };
}

export function repositoryDocument(fields: Partial<RepositoryDocument> = {}): RepositoryDocument {
  return {
    scope: 'open',
    guard: null,
    repomd: listedText('repomd'),
    asc: null,
    key: null,
    treeinfo: null,
    records: {},
    map: null,
    ...fields,
  };
}

/** The nth generation of a subscription: each a minute younger than the one before. */
export function generation(
  number: number,
  repositories: Readonly<Record<string, RepositoryDocument>> = { 'site/base': repositoryDocument() },
  subscription = 'corp',
): GenerationDocument {
  const created = new Date(Date.UTC(2026, 10, 23, 10, number)).toISOString();
  const time = created.replaceAll(/[-:]|\.\d+/g, '');
  return {
    format: 1,
    id: `${time}-${digestOf(`${subscription} ${number}`).slice(7, 15)}`,
    subscription,
    created,
    hubVersion: null,
    repositories,
  };
}
