import { systemClock } from '../../base/clock.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { noteText } from './snapshot-notes.ts';
import { channelsText, retiredText, snapshotDetail, snapshotsText } from './snapshot-text.ts';

interface Asked {
  readonly hub: HubControl;
  readonly json: boolean;
}

/** `hub snapshot list` */
export async function snapshotList({ hub, json }: Asked, terminal: Terminal): Promise<number> {
  const list = await hub.snapshots();
  const { snapshots } = list;
  terminal.out(json ? JSON.stringify(list, null, 2) : snapshotsText(snapshots, systemClock.now(), terminal.paint));
  return exitCodes.ok;
}

/** `hub snapshot show NAME` */
export async function snapshotShow(
  { hub, json, name }: Asked & { readonly name: string },
  terminal: Terminal,
): Promise<number> {
  const snapshot = await hub.snapshot(name);
  if (json) terminal.out(JSON.stringify(snapshot, null, 2));
  else {
    terminal.out(snapshotDetail(snapshot, snapshot.onlyAtOrigin, terminal.paint));
    if (snapshot.retirement !== null) terminal.out(retiredText(snapshot.retirement));
    for (const note of snapshot.notes) terminal.out(noteText(note, terminal.paint));
  }
  return exitCodes.ok;
}

/** `hub promote CHANNEL SNAPSHOT` */
export async function promote(
  { hub, json, ...asked }: Asked & { readonly channel: string; readonly snapshot: string; readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  tell(await hub.promote(asked), json, terminal);
  return exitCodes.ok;
}

/** `hub rollback CHANNEL` */
export async function rollbackChannel(
  { hub, json, ...asked }: Asked & { readonly channel: string; readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  tell(await hub.rollback(asked), json, terminal);
  return exitCodes.ok;
}

/** `hub channels [CHANNEL]`: all of them, or one with its history. */
export async function listChannels(
  { hub, json, channel }: Asked & { readonly channel: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const list = await (channel === undefined ? hub.channels() : hub.channel(channel));
  const { channels } = list;
  terminal.out(json ? JSON.stringify(list, null, 2) : channelsText(channels, systemClock.now(), terminal.paint));
  return exitCodes.ok;
}

function tell(document: ChannelDocument, json: boolean, terminal: Terminal): void {
  const { channel, snapshot, sequence } = document;
  terminal.out(
    json ? JSON.stringify(document, null, 2) : plainText(`${channel} points to ${snapshot} (number ${sequence})`),
  );
}
