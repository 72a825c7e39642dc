import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Change } from '../../hub/channels/channels.ts';
import { missingFiles } from '../../hub/content/missing-files.ts';
import type { Missing } from '../../hub/content/missing-files.ts';
import { Possession } from '../../hub/content/possession.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { localUser } from './local-user.ts';
import { findingText } from './gate-text.ts';
import { openHub } from './hub-parts.ts';
import type { HubParts } from './hub-parts.ts';
import { checkSnapshot } from './snapshot-check.ts';
import type { CheckAsked } from './snapshot-check.ts';
import { noteText } from './snapshot-notes.ts';
import { channelsText, retiredText, snapshotDetail, snapshotsText } from './snapshot-text.ts';
import type { ListedSnapshot } from './snapshot-text.ts';

interface Asked {
  readonly config: HubConfig;
  readonly json: boolean;
}

/** `hub snapshot list` */
export async function snapshotList({ config, json }: Asked, terminal: Terminal): Promise<number> {
  const { snapshots, retirements } = await openHub(config);
  const list: ListedSnapshot[] = [];
  for await (const snapshot of snapshots.list()) {
    const retired = await retirements.find(snapshot.name);
    list.push({ ...snapshot, retired: retired?.at ?? null });
  }
  terminal.out(
    json ? JSON.stringify({ snapshots: list }, null, 2) : snapshotsText(list, systemClock.now(), terminal.paint),
  );
  return exitCodes.ok;
}

/** `hub snapshot show NAME` */
export async function snapshotShow(
  { config, json, name }: Asked & { readonly name: string },
  terminal: Terminal,
): Promise<number> {
  const hub = await openHub(config);
  const snapshot = await hub.snapshots.need(name);
  const elsewhere = await onlyAtOrigin(hub, config, snapshot);
  const notes = await new Notes({ store: hub.store, clock: systemClock }).of(name);
  const retired = await hub.retirements.find(name);
  if (json)
    terminal.out(
      JSON.stringify({ ...snapshot, onlyAtOrigin: elsewhere, notes, retired: retired?.at ?? null }, null, 2),
    );
  else {
    terminal.out(snapshotDetail(snapshot, elsewhere, terminal.paint));
    if (retired !== null) terminal.out(retiredText(retired));
    for (const note of notes) terminal.out(noteText(note, terminal.paint));
  }
  return exitCodes.ok;
}

/** Files of a snapshot that the store does not have. */
async function onlyAtOrigin(
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

/** `hub promote CHANNEL SNAPSHOT` */
export async function promote(
  {
    config,
    json,
    channel,
    snapshot,
    why,
  }: Asked & { readonly channel: string; readonly snapshot: string; readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  const hub = await openHub(config);
  const { snapshots, channels, audit } = hub;
  const occasion = { occasion: 'promote', channel, by: localUser().name } as const;
  if (config.gates !== null) await throughGates(hub, { ...occasion, gates: config.gates, name: snapshot }, terminal);
  const before = await channels.find(channel);
  const after = await channels.promote(channel, await snapshots.need(snapshot), madeBy(why));
  if (after.sequence !== before?.sequence)
    await audit.note({ who: localUser(), what: 'channel.promote', on: channel, to: snapshot, why });
  tell(after, json, terminal);
  return exitCodes.ok;
}

/** What the gates find is told; what they do not let through is not promoted. @throws WaystationError `gates_failed` */
async function throughGates(hub: HubParts, asked: CheckAsked, terminal: Terminal): Promise<void> {
  const { findings, passed } = await checkSnapshot(hub, asked);
  for (const finding of findings) terminal.err(findingText(finding, terminal.paint));
  if (passed) return;
  const why = `${asked.name} does not pass the gates of ${asked.gates}`;
  throw new WaystationError('gates_failed', `${why}; ${asked.channel} is as it was`);
}

/** `hub rollback CHANNEL` */
export async function rollbackChannel(
  { config, json, channel, why }: Asked & { readonly channel: string; readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  const { channels, audit } = await openHub(config);
  const after = await channels.rollback(channel, madeBy(why));
  await audit.note({ who: localUser(), what: 'channel.rollback', on: channel, to: after.snapshot, why });
  tell(after, json, terminal);
  return exitCodes.ok;
}

/** `hub channels [CHANNEL]`: all of them, or one with its history. */
export async function listChannels(
  { config, json, channel }: Asked & { readonly channel: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const { channels } = await openHub(config);
  const list: ChannelDocument[] = [];
  if (channel === undefined) for await (const each of channels.list()) list.push(each);
  else {
    const current = await channels.find(channel);
    list.push(...(current === null ? [] : [current]), ...(await channels.history(channel)));
  }
  terminal.out(
    json ? JSON.stringify({ channels: list }, null, 2) : channelsText(list, systemClock.now(), terminal.paint),
  );
  return exitCodes.ok;
}

function madeBy(why: string | null): Change {
  return { by: localUser().name, why };
}

function tell(document: ChannelDocument, json: boolean, terminal: Terminal): void {
  const { channel, snapshot, sequence } = document;
  terminal.out(
    json ? JSON.stringify(document, null, 2) : plainText(`${channel} points to ${snapshot} (number ${sequence})`),
  );
}
