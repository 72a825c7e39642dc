import { digestOf, hexOf } from '../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../base/generation.ts';

export type Repositories = Readonly<Record<string, RepositoryDocument>>;

export interface GenerationContent {
  readonly subscription: string;
  readonly hubVersion: string | null;
  readonly repositories: Repositories;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
  /** Whether an id is in use on this PoP. */
  readonly taken: (id: string) => boolean;
}

/**
 * Makes a generation's document. Its id is the UTC second of `created` and 8 hex digits of the sha256 of the document
 * without id in canonical JSON; where that is taken, `created` moves on by a millisecond.
 */
export function generationDocument(content: GenerationContent): GenerationDocument {
  for (let time = content.now; ; time++) {
    const body = {
      format: 1 as const,
      subscription: content.subscription,
      created: new Date(time).toISOString(),
      hubVersion: content.hubVersion,
      repositories: content.repositories,
    };
    const id = `${basicTime(time)}-${hexOf(digestOf(canonicalJson(body))).slice(0, 8)}`;
    if (!content.taken(id)) return { ...body, id };
  }
}

/** `20261123T101500Z`: ISO 8601 basic format, UTC, seconds. */
export function basicTime(time: number): string {
  return new Date(time)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
}

/** JSON with the keys of every object in code unit order: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Whether two sets of repositories are served alike: the same paths, files, scopes and guards. */
export function sameRepositories(one: Repositories, other: Repositories): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
