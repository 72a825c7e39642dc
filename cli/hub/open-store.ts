import { mkdir } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { diskError, systemDisk } from '../../disk/disk.ts';
import { DirectoryStore } from '../../hub/store/directory-store.ts';
import { storeLock } from './store-lock.ts';

/** The store that a hub's configuration names. The directory is made when it is absent. */
export async function openHubStore({ store }: HubConfig): Promise<DirectoryStore> {
  try {
    await mkdir(store.path, { recursive: true, mode: 0o750 });
    const lock = await storeLock(store.path, systemClock);
    return new DirectoryStore({ root: store.path, disk: systemDisk, clock: systemClock, lock });
  } catch (error) {
    throw diskError(error, store.path);
  }
}
