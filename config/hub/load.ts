import { dirname, relative, resolve } from 'node:path';
import { checkedValues, readText } from '../checked-file.ts';
import type { Finding } from '../problem.ts';
import { socketPath } from '../socket-path.ts';
import { mapOf, select } from '../tree.ts';
import type { Tree } from '../tree.ts';
import type { HubConfig } from './config.ts';
import { defaultKeys, hubSchema } from './schema.ts';

/**
 * Reads, checks and resolves the configuration file of a hub.
 * @throws ConfigInvalidError with everything that is wrong, in the order of the file.
 */
export function loadHubConfig(file: string): HubConfig {
  return parseHubConfig(readText(file), file);
}

/** As `loadHubConfig`, for text that was read already; `file` is for messages and relative names. */
export function parseHubConfig(text: string, file: string): HubConfig {
  const values = checkedValues(text, file, { schema: hubSchema, findings });
  const directory = dirname(resolve(file));
  const { listen, publicUrl, state, store, keep, gates, certificates, keys } = values;
  const socket = socketPath({ directory, state, socket: listen.socket ?? '<state>/hub.sock' });
  return {
    file: resolve(file),
    listen: { api: listen.api, admin: listen.admin, socket },
    publicUrl: new URL(publicUrl).href.replace(/\/+$/, ''),
    state: resolve(directory, state),
    store: { type: 'directory', path: resolve(directory, 'path' in store ? store.path : '') },
    keep: keep ?? null,
    gates: gates === undefined ? null : resolve(directory, gates),
    certificates,
    keys: resolve(directory, keys),
  };
}

function findings(root: Tree, directory: string): readonly Finding[] {
  const { publicUrl, store, keys = defaultKeys } = mapOf(root);
  const found: Finding[] = select(root, ['store', 'type'])
    .filter(({ value }) => value === 's3')
    .map(({ path }) => ({ path, message: 'not built yet: a store in S3 (not_built)' }));
  if (typeof publicUrl === 'string' && /^http:/i.test(publicUrl)) {
    found.push({ path: ['publicUrl'], message: 'must begin with https: what PoPs are told is for them alone' });
  }
  const { path } = mapOf(store);
  if (
    typeof path === 'string' &&
    typeof keys === 'string' &&
    isWithin(resolve(directory, path), resolve(directory, keys))
  ) {
    found.push({
      path: ['keys'],
      seen: mapOf(root)['keys'] === undefined ? ['store', 'path'] : ['keys'],
      message: 'must not lie in the store: the store never holds a secret',
    });
  }
  return found;
}

function isWithin(folder: string, path: string): boolean {
  return !relative(folder, path).startsWith('..');
}
