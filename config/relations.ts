import type { HostAndPort } from './listen-address.ts';
import { formatHostAndPort, isWildcard, parseListenAddress } from './listen-address.ts';
import type { Finding, KeyPath } from './problem.ts';
import { accessFindings } from './relations-access.ts';
import { repositoryFindings, takenPathFindings } from './relations-repositories.ts';
import { subscriptionFindings } from './relations-subscriptions.ts';
import { socketPath } from './socket-path.ts';
import { limitFindings } from './relations-limits.ts';
import type { Tree } from './tree.ts';
import { isMap, listOf, mapOf, select } from './tree.ts';
import { aliasProblem, urlHiddenBy } from './url-alias.ts';

/**
 * What has to hold between keys. It is asked of the file as it stands, right or wrong, so that one report has
 * everything: a value that its own kind refuses says nothing here.
 */
export function relationFindings(root: Tree, directory: string): Finding[] {
  return [
    ...publicUrlFindings(root),
    ...sharedAddressFindings(root),
    ...socketFindings(root, directory),
    ...aliasFindings(root),
    ...limitFindings(root),
    ...accessFindings(root),
    ...subscriptionFindings(root),
    ...repositoryFindings(root),
    ...takenPathFindings(root),
  ];
}

function publicUrlFindings(root: Tree): Finding[] {
  const { publicUrl, listen } = mapOf(root);
  if (publicUrl !== undefined) return [];
  const { content } = mapOf(listen);
  const seen = ['listen', 'content'];
  const message = (why: string): Finding[] => [
    { path: ['publicUrl'], seen, message: `must be given: listen.content is ${why}` },
  ];
  if (Array.isArray(content)) return message('a list');
  const [only] = addresses(root, 'content');
  return only !== undefined && isWildcard(only.address) ? message('a wildcard address') : [];
}

interface Listening {
  readonly path: KeyPath;
  readonly address: HostAndPort;
}

const defaultAddresses = { content: '127.0.0.1:8080', admin: '127.0.0.1:8081' } as const;

/** The addresses that can be read at `listen.content` or `listen.admin`, the default included. */
function addresses(root: Tree, which: 'content' | 'admin'): Listening[] {
  const value = mapOf(mapOf(root)['listen'])[which] ?? defaultAddresses[which];
  const path = ['listen', which];
  const items = Array.isArray(value)
    ? listOf(value).map((item, index) => [[...path, index], item] as const)
    : [[path, value] as const];
  return items.flatMap(([at, item]) => {
    const text = isMap(item) ? item['address'] : item;
    const address = typeof text === 'string' ? parseListenAddress(text) : null;
    return address === null ? [] : [{ path: at, address }];
  });
}

function sharedAddressFindings(root: Tree): Finding[] {
  const first = new Set<string>();
  return [...addresses(root, 'content'), ...addresses(root, 'admin')].flatMap(({ path, address }) => {
    const name = formatHostAndPort(address);
    if (address.port === 0 || !first.has(name)) {
      first.add(name);
      return [];
    }
    return [{ path, message: `${name} is listened on already` }];
  });
}

function socketFindings(root: Tree, directory: string): Finding[] {
  const { state, listen } = mapOf(root);
  const { socket } = mapOf(listen);
  if ((state !== undefined && typeof state !== 'string') || (socket !== undefined && typeof socket !== 'string'))
    return [];
  // unix(7): sun_path has 108 bytes, the last of them 0.
  if (Buffer.byteLength(socketPath({ directory, state, socket })) <= 107) return [];
  const message = 'the path of the socket is longer than 107 bytes, which the system does not allow';
  return [{ path: ['listen', 'socket'], seen: socket === undefined ? ['state'] : ['listen', 'socket'], message }];
}

function aliasFindings(root: Tree): Finding[] {
  return select(root, ['aliases', '*']).flatMap(({ path }) => {
    const alias = String(path.at(-1));
    const problem = aliasProblem(alias);
    if (problem !== null) return [{ path, on: 'key' as const, message: problem }];
    const hidden = urlHiddenBy(alias);
    if (hidden === null) return [];
    return [{ path, on: 'key' as const, message: `would hide ${hidden}, which waystation serves itself` }];
  });
}
