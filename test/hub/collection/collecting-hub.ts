import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { HubParts } from '../../../cli/hub/hub-parts.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { Collection } from '../../../hub/collection/collection.ts';
import type { CollectionOptions, CollectionResult } from '../../../hub/collection/collection.ts';
import { Leases } from '../../../hub/collection/leases.ts';
import { Retirements } from '../../../hub/collection/retirement.ts';
import { missingFiles } from '../../../hub/content/missing-files.ts';
import { scopeOfFile } from '../../../hub/content/origins.ts';
import { Possession } from '../../../hub/content/possession.ts';
import { StoreMaps } from '../../../hub/content/store-maps.ts';
import { Channels } from '../../../hub/channels/channels.ts';
import { OriginDocuments } from '../../../hub/content/origins.ts';
import { Snapshots } from '../../../hub/snapshots/snapshots.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import type { ObjectStore } from '../../../hub/store/object-store.ts';

/** Collects in a store, which may be an intercepted one. Nothing is too young, also what was written in this moment. */
export async function collected(
  { keys }: Pick<HubParts, 'keys'>,
  store: ObjectStore,
  folder: string,
  options: Partial<CollectionOptions> = {},
): Promise<CollectionResult> {
  const clock = systemClock;
  const channels = new Channels({ store, keys, clock, epoch: 1 });
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(folder, 'maps') });
  try {
    return await new Collection({
      store,
      snapshots: new Snapshots(store, keys),
      origins: new OriginDocuments(store, keys),
      maps,
      retirements: new Retirements({ store, channels, clock }),
      leases: new Leases({ store, clock }),
      clock,
    }).run({ keep: null, settle: -1_000, dryRun: false, by: 'test', ...options });
  } finally {
    await maps.close();
  }
}

/** Everything that any snapshot of the store names is there, in the scope that it is of. @returns their names. */
export async function wholeSnapshots(
  { snapshots, origins }: Pick<HubParts, 'snapshots' | 'origins'>,
  store: ObjectStore,
  folder: string,
): Promise<readonly string[]> {
  const possession = new Possession(store);
  const maps = new StoreMaps({ store, disk: systemDisk, folder });
  const names: string[] = [];
  try {
    for await (const snapshot of snapshots.list()) {
      const from = await origins.of(snapshot);
      for (const [path, { repomd, asc, key, treeinfo, records, map }] of Object.entries(snapshot.repositories)) {
        const origin = from.repositories[path];
        if (origin === undefined) throw new Error(`${path} has no origin`);
        if (map !== null) expect([path, await store.has(keysOf.map(map))]).not.toEqual([path, null]);
        for (const listed of [repomd, asc, key, treeinfo, ...Object.values(records)])
          if (listed !== null)
            expect([path, listed, await possession.holds(scopeOfFile(origin, listed), listed)]).toEqual([
              path,
              listed,
              true,
            ]);
      }
      expect([snapshot.name, await missingFiles(snapshot, from, { maps, possession })]).toEqual([
        snapshot.name,
        { files: 0, bytes: 0 },
      ]);
      names.push(snapshot.name);
    }
    return names;
  } finally {
    await maps.close();
  }
}
