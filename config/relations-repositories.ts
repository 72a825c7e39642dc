import { matchesPath } from './path-pattern.ts';
import type { Finding, KeyPath } from './problem.ts';
import { formatKey } from './problem.ts';
import { joinPrefix, repositoryPathProblem } from './repository-path.ts';
import type { Placed, Tree, TreeMap } from './tree.ts';
import { isMap, listOf, mapOf, select } from './tree.ts';

const sources = ['url', 'urls', 'mirrorlist', 'metalink'] as const;

/** What has to hold inside each entry of `repositories`, with the overrides that match it. */
export function repositoryFindings(root: Tree): Finding[] {
  return select(root, ['subscriptions', '*']).flatMap(({ path, value }) => {
    const subscription = mapOf(value);
    const signatures = select(subscription, ['repositories', '*']).flatMap((entry) =>
      uncheckableFindings(mapOf(entry.value), entry.path, listOf(subscription['overrides'])),
    );
    // One override may concern many entries; it is reported once.
    const once = new Map(signatures.map((finding) => [formatKey(finding.path), finding]));
    const entries = select(subscription, ['repositories', '*']);
    return [...entries.flatMap(sourceFindings), ...entries.flatMap(plainFileFindings), ...once.values()].map(
      (finding) => ({ ...finding, path: [...path, ...finding.path] }),
    );
  });
}

function sourceFindings({ path, value: entry }: Placed): Finding[] {
  if (!isMap(entry)) return [];
  const isGiven = sources.some((key) => entry[key] !== undefined && !(key === 'urls' && isEmptyList(entry[key])));
  return isGiven ? [] : [{ path, message: `needs one of ${sources.join(', ')}` }];
}

/** Plain files are not signed, and a metalink is one of repomd.xml. */
function plainFileFindings({ path, value }: Placed): Finding[] {
  const entry = mapOf(value);
  if (entry['content'] !== 'file') return [];
  return (['metalink', 'gpgKey', 'repoGpgCheck'] as const).flatMap((key): Finding[] =>
    entry[key] === undefined || entry[key] === false
      ? []
      : [{ path: [...path, key], on: 'key', message: 'has no meaning for content: file' }],
  );
}

function isEmptyList(value: Tree): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** `repoGpgCheck: true` for an entry that has no key to check with, after all overrides. */
function uncheckableFindings(entry: TreeMap, path: KeyPath, overrides: readonly Tree[]): Finding[] {
  let hasKey = entry['gpgKey'] !== undefined;
  let asked: KeyPath | null = entry['repoGpgCheck'] === true ? [...path, 'repoGpgCheck'] : null;
  for (const [index, item] of overrides.entries()) {
    const override = mapOf(item);
    const { path: pattern } = override;
    const own = entry['path'];
    if (typeof pattern !== 'string' || typeof own !== 'string' || !matchesPath(pattern, own)) continue;
    hasKey ||= override['gpgKey'] !== undefined;
    if (override['repoGpgCheck'] === false) asked = null;
    if (override['repoGpgCheck'] === true) asked = ['overrides', index, 'repoGpgCheck'];
  }
  return asked === null || hasKey
    ? []
    : [{ path: asked, on: 'key', message: 'needs gpgKey: there is no key to check with' }];
}

/** One path belongs to one subscription, and to one entry of it (contract). */
export function takenPathFindings(root: Tree): Finding[] {
  const first = new Map<string, KeyPath>();
  return select(root, ['subscriptions', '*', 'repositories', '*', 'path']).flatMap(({ path, value }) => {
    const prefix = prefixOf(root, path);
    if (prefix === null || typeof value !== 'string' || repositoryPathProblem(value) !== null) return [];
    const full = joinPrefix(prefix, value);
    const taken = first.get(full);
    if (taken !== undefined)
      return [{ path, message: `${full} is the path of ${formatKey(taken.slice(0, -1))} already` }];
    first.set(full, path);
    return [];
  });
}

/** The prefix of the subscription that the path is in, null when it is not right. */
function prefixOf(root: Tree, path: KeyPath): string | null {
  const [, index] = path;
  const { prefix = '' } = mapOf(listOf(mapOf(root)['subscriptions'])[Number(index)]);
  return typeof prefix === 'string' && (prefix === '' || repositoryPathProblem(prefix) === null) ? prefix : null;
}
