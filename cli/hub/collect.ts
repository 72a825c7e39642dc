import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { bytesText } from '../../gateway/page/figures.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { Collection } from '../../hub/collection/collection.ts';
import type { CollectionResult } from '../../hub/collection/collection.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { openHub } from './hub-parts.ts';
import { localUser } from './local-user.ts';
import { openHubStore } from './open-store.ts';

/** What lies aside for so long is no write under way. Milliseconds. */
const longestWrite = 24 * 60 * 60_000;

interface Asked {
  readonly config: HubConfig;
  readonly json: boolean;
}

/** `hub snapshot retire NAME`: it can be promoted no more, and goes with a later collection. */
export async function retireSnapshot(
  {
    hub,
    json,
    name,
    why,
  }: { readonly hub: HubControl; readonly json: boolean; readonly name: string; readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  const retired = await hub.retire({ snapshot: name, why });
  const said = `${name} is retired; \`waystation hub collect\` removes it and what it alone refers to`;
  terminal.out(json ? JSON.stringify(retired, null, 2) : plainText(said));
  return exitCodes.ok;
}

/** `hub collect [--dry-run] [--age 24h]`: retires by `keep`, and removes what nothing refers to. */
export async function collect(
  { config, json, dryRun, age }: Asked & { readonly dryRun: boolean; readonly age: number },
  terminal: Terminal,
): Promise<number> {
  const hub = await openHub(config);
  const { store, audit } = hub;
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
  const who = localUser();
  try {
    const collection = new Collection({ ...hub, maps, clock: systemClock });
    const result = await collection.run({ keep: config.keep, settle: age, dryRun, by: who.name });
    if (!dryRun) {
      await (await openHubStore(config)).tidy(Math.max(age, longestWrite));
      for (const on of result.retired) await audit.note({ who, what: 'snapshot.retire', on, why: 'keep' });
      for (const on of result.removed) await audit.note({ who, what: 'snapshot.remove', on });
    }
    terminal.out(json ? JSON.stringify(result, null, 2) : collectionText(result));
    if (!result.gaveWay) return exitCodes.ok;
    terminal.err('waystation: a snapshot is being made: what is left goes another time');
    return exitCodes.tryAgain;
  } finally {
    await maps.close();
  }
}

function collectionText({ dryRun, retired, removed, files, bytes, documents, kept }: CollectionResult): string {
  const verb = dryRun ? 'would be' : 'was';
  const lines = [
    ...retired.map((name) => `${name} ${verb} retired: it has outlived keep`),
    ...removed.map((name) => `${name} ${verb} removed`),
    `${files} files (${bytesText(bytes)}) and ${documents} documents ${dryRun ? 'would be' : 'were'} removed`,
    `${kept} files are referred to`,
  ];
  return lines.map(plainText).join('\n');
}
