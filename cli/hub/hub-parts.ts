import { systemClock } from '../../base/clock.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { Audit } from '../../hub/audit/audit.ts';
import { Channels } from '../../hub/channels/channels.ts';
import { Leases } from '../../hub/collection/leases.ts';
import { Retirements } from '../../hub/collection/retirement.ts';
import { OriginDocuments } from '../../hub/content/origins.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { SigningKeys } from '../../hub/keys/signing-keys.ts';
import { Snapshots } from '../../hub/snapshots/snapshots.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { readEpoch } from '../../hub/store/epoch.ts';
import { readFormat } from '../../hub/store/store-format.ts';
import { openHubStore } from './open-store.ts';

/** What commands of a hub act on. */
export interface HubParts {
  readonly store: ObjectStore;
  readonly keys: SigningKeys;
  readonly snapshots: Snapshots;
  readonly origins: OriginDocuments;
  readonly channels: Channels;
  readonly audit: Audit;
  readonly retirements: Retirements;
  readonly leases: Leases;
}

/**
 * The store and the keys that a configuration names.
 * @param opened the store, where it is open already.
 * @throws WaystationError when they are not a hub's, or not there.
 */
export async function openHub(config: HubConfig, opened?: ObjectStore): Promise<HubParts> {
  const store = opened ?? (await openHubStore(config));
  await readFormat(store);
  const keys = await SigningKeys.open(new KeyFolder(config.keys));
  const channels = new Channels({ store, keys, clock: systemClock, epoch: await readEpoch(store) });
  const origins = new OriginDocuments(store, keys);
  const audit = new Audit({ store, clock: systemClock });
  const retirements = new Retirements({ store, channels, clock: systemClock });
  const leases = new Leases({ store, clock: systemClock });
  const snapshots = new Snapshots(store, keys);
  return { store, keys, snapshots, origins, channels, audit, retirements, leases };
}
