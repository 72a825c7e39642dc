import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import { snapshotDiff } from '../../hub/snapshots/snapshot-diff.ts';
import type { KnownSnapshot } from '../../hub/snapshots/snapshot-diff.ts';
import { repositoriesText } from '../commands/diff-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { openHub } from './hub-parts.ts';
import { noteText } from './snapshot-notes.ts';

/**
 * `hub snapshot diff A B`, from the metadata in the store. Fails when a repository cannot be compared, after what could
 * be.
 */
export async function diffSnapshots(
  {
    config,
    from,
    to,
    json,
  }: { readonly config: HubConfig; readonly from: string; readonly to: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { store, snapshots, origins } = await openHub(config);
  const notes = new Notes({ store, clock: systemClock });
  const known = async (name: string): Promise<KnownSnapshot> => {
    const snapshot = await snapshots.need(name);
    return { snapshot, origins: await origins.of(snapshot), notes: await notes.of(name) };
  };
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
  try {
    const found = await snapshotDiff(new StoreSink({ store, maps }), await known(from), await known(to));
    if (json) terminal.out(JSON.stringify(found, null, 2));
    else {
      terminal.out(plainText(`from ${found.from.name} (${found.from.created})`));
      terminal.out(plainText(`  to ${found.to.name} (${found.to.created})`));
      for (const line of repositoriesText(found.repositories, terminal.paint)) terminal.out(line);
      for (const note of found.notes) terminal.out(noteText(note, terminal.paint));
    }
    const failed = found.repositories.filter(({ error }) => error !== null);
    for (const { path, error } of failed)
      terminal.err(plainText(`waystation: ${path}: ${error?.code}: ${error?.message}`));
    return failed.length === 0 ? exitCodes.ok : exitCodes.failed;
  } finally {
    await maps.close();
  }
}
