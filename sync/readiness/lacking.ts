import type { Listed } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { Lacking, LookedAt } from './parts.ts';
import type { MissingFile } from './report.ts';

/** A file of a repository, as its metadata lists it. */
export interface ListedFile {
  readonly href: string;
  readonly listed: Listed;
  readonly nevra: string | null;
}

export function lackingFile(
  { facts, path, document }: LookedAt,
  { href, listed, nevra }: ListedFile,
  because: MissingFile['because'],
): Lacking {
  const scope = possessionScope(document.scope, path, listed);
  return {
    file: {
      subscription: facts.name,
      repository: path,
      path: `${path}/${href}`,
      nevra,
      bytes: listed.size,
      because,
    },
    reference: {
      repository: path,
      shared: document.scope,
      href,
      blob: { scope, listed },
      pinned: because === 'metadata',
    },
  };
}
