import { asWaystationError } from '../../base/errors.ts';
import type { PulpApi } from './api.ts';
import { optionalText, textOf } from './fields.ts';
import type { Fields } from './fields.ts';
import { allRows, nameOf } from './listing.ts';

/** A distribution of the hub: what it serves, where, and to whom. */
export interface Distribution {
  /** Stays when the distribution is renamed or moved. */
  readonly id: string;
  readonly name: string;
  readonly basePath: string;
  /** Absolute; as the hub gives it, or joined to the API's base when its content origin is not configured. */
  readonly url: string;
  /** Href of its content guard. */
  readonly guard: string | null;
  /** Href of the repository that it follows. */
  readonly repository: string | null;
  /** Whether it follows a repository, or pins a version or a publication. */
  readonly serves: boolean;
  /** What kind of repository it serves. */
  readonly content: 'rpm' | 'file';
  /** It serves moments below its path, and nothing at it. */
  readonly checkpoint: boolean;
}

const fields = [
  'prn',
  'pulp_href',
  'name',
  'base_path',
  'base_url',
  'content_guard',
  'repository',
  'repository_version',
  'publication',
  'checkpoint',
];

/**
 * The rpm and file distributions that a selection finds, hidden ones included (they are only left out of listings).
 * @param select a `pulp_label_select`, or `q:` and a full expression; null: all of the domain.
 * @throws WaystationError
 */
export async function distributions(
  api: PulpApi,
  select: string | null,
  signal: AbortSignal,
): Promise<readonly Distribution[]> {
  const query = selection(select);
  const rpm = await allRows(api, { path: 'distributions/rpm/rpm/', query, fields }, signal);
  const file = await allRows(api, { path: 'distributions/file/file/', query, fields }, signal).catch(ifPluginIsMissing);
  return [
    ...rpm.map((row) => distributionFrom(row, 'rpm', api.base)),
    ...file.map((row) => distributionFrom(row, 'file', api.base)),
  ];
}

/** A hub without the plugin has no such list. */
function ifPluginIsMissing(thrown: unknown): readonly Fields[] {
  if (asWaystationError(thrown).code === 'upstream_missing') return [];
  throw thrown;
}

function selection(select: string | null): Record<string, string> {
  if (select === null) return {};
  return select.startsWith('q:') ? { q: select.slice(2).trim() } : { pulp_label_select: select };
}

function distributionFrom(row: Fields, content: Distribution['content'], base: URL): Distribution {
  const what = `distribution ${nameOf(row)}`;
  const url = new URL(textOf(row, 'base_url', what), base);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  const repository = optionalText(row, 'repository', what);
  const pinned = optionalText(row, 'repository_version', what) ?? optionalText(row, 'publication', what);
  return {
    id: nameOf(row),
    name: textOf(row, 'name', what),
    basePath: textOf(row, 'base_path', what),
    url: url.href,
    guard: optionalText(row, 'content_guard', what),
    repository,
    serves: repository !== null || pinned !== null,
    content,
    checkpoint: row['checkpoint'] === true,
  };
}
