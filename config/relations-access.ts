import type { Finding, KeyPath } from './problem.ts';
import { headerNameProblem, mustBeFile } from './request-header.ts';
import type { Placed, TreeMap } from './tree.ts';
import { isMap, mapOf, select } from './tree.ts';
import type { Tree } from './tree.ts';

/** What has to hold between the keys by which an upstream is reached: of hubs and of repository entries. */
export function accessFindings(root: Tree): Finding[] {
  const places = [
    ...select(root, ['subscriptions', '*', 'hub']),
    ...select(root, ['subscriptions', '*', 'repositories', '*']),
  ];
  return places.flatMap(({ path, value }) => {
    const keys = mapOf(value);
    return [
      ...pairFindings(keys, path, ['username', 'passwordFile']),
      ...pairFindings(mapOf(keys['tls']), [...path, 'tls'], ['cert', 'key']),
      ...headerFindings({ path: [...path, 'headers'], value: keys['headers'] ?? null }, keys['username'] !== undefined),
    ];
  });
}

/** Two keys that are given together or not at all. */
function pairFindings(keys: TreeMap, path: KeyPath, [one, other]: readonly [string, string]): Finding[] {
  if ((keys[one] === undefined) === (keys[other] === undefined)) return [];
  const [given, missing] = keys[one] === undefined ? [other, one] : [one, other];
  return [{ path: [...path, given], on: 'key', message: `needs ${missing} beside it` }];
}

function headerFindings({ path, value }: Placed, hasUser: boolean): Finding[] {
  const first = new Set<string>();
  return Object.entries(mapOf(value)).flatMap(([name, content]): Finding[] => {
    const lower = name.toLowerCase();
    const at = { path: [...path, name], on: 'key' as const };
    const problem = headerNameProblem(name);
    if (problem !== null) return [{ ...at, message: problem }];
    if (first.has(lower)) return [{ ...at, message: 'is given twice: upper and lower case are the same' }];
    first.add(lower);
    if (mustBeFile(name) && !isMap(content)) return [{ ...at, message: 'carries a secret: give it as { file: NAME }' }];
    return lower === 'authorization' && hasUser
      ? [{ ...at, message: 'is made from username: give only one of them' }]
      : [];
  });
}
