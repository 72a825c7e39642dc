import { join } from 'node:path';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import { missingFiles } from '../../hub/content/missing-files.ts';
import type { Missing } from '../../hub/content/missing-files.ts';
import { Possession } from '../../hub/content/possession.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { HubParts } from './hub-parts.ts';

/** Files of a snapshot that the store does not have. */
export async function onlyAtOrigin(
  { store, origins }: HubParts,
  config: HubConfig,
  snapshot: SnapshotDocument,
): Promise<Missing> {
  if (snapshot.policy === 'full') return { files: 0, bytes: 0 };
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
  try {
    return await missingFiles(snapshot, await origins.of(snapshot), { maps, possession: new Possession(store) });
  } finally {
    await maps.close();
  }
}
