import type { Finding, KeyPath } from './problem.ts';
import { formatKey } from './problem.ts';
import type { Tree, TreeMap } from './tree.ts';
import { mapOf, select } from './tree.ts';

/** What has to hold inside a subscription and between them, but for their repositories. */
export function subscriptionFindings(root: Tree): Finding[] {
  return [
    ...repeatedNameFindings(root),
    ...select(root, ['subscriptions', '*']).flatMap(({ path, value }) => hubKeyFindings(mapOf(value), path)),
  ];
}

function repeatedNameFindings(root: Tree): Finding[] {
  const first = new Map<string, KeyPath>();
  return select(root, ['subscriptions', '*', 'name']).flatMap(({ path, value }) => {
    if (typeof value !== 'string') return [];
    const taken = first.get(value);
    if (taken !== undefined) return [{ path, message: `is the name of ${formatKey(taken.slice(0, -1))} already` }];
    first.set(value, path);
    return [];
  });
}

/** Keys that belong to one type of hub: which, and whether it needs them. */
const keysOfHubs = { repositories: ['yum', true], select: ['pulp', false], channel: ['waystation', true] } as const;

function hubKeyFindings(subscription: TreeMap, path: KeyPath): Finding[] {
  const { type } = mapOf(subscription['hub']);
  if (type !== 'yum' && type !== 'pulp' && type !== 'waystation') return [];
  const misplaced = Object.entries(keysOfHubs).flatMap(([key, [owner, isNeeded]]): Finding[] => {
    const isGiven = subscription[key] !== undefined;
    if (isGiven && owner !== type) {
      return [{ path: [...path, key], on: 'key', message: `belongs to a hub of type ${owner}, not ${type}` }];
    }
    const missing = !isGiven && isNeeded && owner === type;
    return missing ? [{ path: [...path, key], message: `is missing: a hub of type ${type} needs it` }] : [];
  });
  return type === 'waystation' ? [...misplaced, ...channelFindings(subscription, path)] : misplaced;
}

function channelFindings({ flip, hub }: TreeMap, path: KeyPath): Finding[] {
  const { url } = mapOf(hub);
  const found: Finding[] = [];
  if (flip === 'each') found.push({ path: [...path, 'flip'], message: 'must be together: a channel flips as a whole' });
  if (typeof url === 'string' && /^http:/i.test(url))
    found.push({ path: [...path, 'hub', 'url'], message: 'must begin with https://: a hub knows its PoPs by TLS' });
  return found;
}
