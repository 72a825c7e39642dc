import { systemClock } from '../../base/clock.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Store } from '../../cache/store.ts';
import type { StoreOptions } from '../../cache/store.ts';
import { LogLines } from '../support/log-lines.ts';
import { roomy } from './pieces.ts';

/** A store over a real directory that is locked by nobody, once what an earlier run left is tidied. */
export async function openedStore(root: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const lock = async (): Promise<{ release(): void }> => ({ release: () => {} });
  const usual = { root, limits: roomy, clock: systemClock, meter: silentMeter, log: new LogLines(), lock };
  const store = await Store.open({ ...usual, ...options });
  await store.recovered;
  return store;
}
