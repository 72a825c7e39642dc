import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { asWaystationError, systemCode, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { silentMeter } from '../base/metrics.ts';
import { Store } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import { bytesOf } from '../config/sizes.ts';
import { serviceClient, type ServiceClient } from './client.ts';
import { keepNativeAddonsIn } from './native/addons.ts';
import { lockState } from './state-lock.ts';

/** A command's work on what a PoP keeps, in its two ways. */
export interface StateWork<Result> {
  /** Has the running service do it. The client is closed afterwards. */
  readonly online: (client: ServiceClient) => Promise<Result>;
  /** Does it here; no service runs, nothing listens, nobody upstream is asked. The store is closed afterwards. */
  readonly offline: (store: Store) => Promise<Result>;
}

/**
 * Does a command's work by the service that has the state directory, over its socket; when none runs, on the directory
 * itself, whose lock this process then has until the work is done.
 * @param log what opening and using the store has to say, for people.
 * @throws WaystationError `state_locked` while a service starts or stops, or another command works on the directory;
 * `state_unusable` when there is none; what the work throws.
 */
export async function onState<Result>(config: Config, log: Logger, work: StateWork<Result>): Promise<Result> {
  const client = serviceClient(config.listen.socket);
  try {
    if (await isRunning(client)) return await work.online(client);
  } finally {
    await client.close();
  }
  const store = await openOfflineStore(config, log);
  try {
    return await work.offline(store);
  } finally {
    await store.close();
  }
}

async function isRunning(client: ServiceClient): Promise<boolean> {
  try {
    await client.get('/healthz/live');
    return true;
  } catch (thrown) {
    const error = asWaystationError(thrown);
    const code = systemCode(error);
    // Nobody listens there: nothing else proves that no service runs.
    if (error.code === 'service_not_running' && (code === 'ENOENT' || code === 'ECONNREFUSED')) return false;
    throw error;
  }
}

/**
 * The store of a PoP whose service does not run, locked for this process. It is not made when absent.
 * @throws WaystationError `state_locked`, `state_unusable`, `state_format_unknown`
 */
async function openOfflineStore(config: Config, log: Logger): Promise<Store> {
  const { state: root, cache } = config;
  await actAsOwner(root);
  keepNativeAddonsIn(root, log);
  const limits = {
    max: (total: number) => bytesOf(cache.max, total),
    keepFree: (total: number) => bytesOf(cache.keepFree, total),
  };
  return Store.open({ root, limits, clock: systemClock, log, meter: silentMeter, lock: lockState });
}

/**
 * root works on the directory as the user whom it belongs to: files of root's there would lock the service out of it.
 * For the rest of this process.
 */
async function actAsOwner(root: string): Promise<void> {
  await stat(join(root, 'FORMAT')).catch((error: unknown) => {
    const absent = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
    const reason = absent ? 'nothing was ever kept there' : (systemCode(error) ?? String(error));
    throw new WaystationError('state_unusable', `no state directory at ${root}: ${reason}`, { cause: error });
  });
  const owner = await stat(root);
  if (process.geteuid?.() !== 0 || owner.uid === 0) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
