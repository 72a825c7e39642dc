import type { ChannelDocument } from '../../protocol/channel.ts';

/** How long snapshots stay. */
export interface Keep {
  /** The newest ones that stay in any case. */
  readonly snapshots: number;
  /** Milliseconds for which others stay after they were made, and after a channel pointed to them last. */
  readonly grace: number;
}

/** A channel with what it said before, newest first. */
export interface ChannelHistory {
  readonly current: ChannelDocument;
  readonly before: readonly ChannelDocument[];
}

/** When it was true last that a channel pointed to a snapshot. */
interface LastPointed {
  readonly channel: string;
  /** Milliseconds since the epoch; Infinity: it is still true. */
  readonly until: number;
  /** It is where `rollback` leads. */
  readonly isNext: boolean;
}

/** Why a snapshot has to stay, for people; null: no channel needs it. @param grace null: only what channels need now. */
export function channelsNeed(
  snapshot: string,
  channels: readonly ChannelHistory[],
  { grace, now }: { readonly grace: number | null; readonly now: number },
): string | null {
  for (const history of channels) {
    const last = lastPointed(snapshot, history);
    if (last === null) continue;
    if (last.until === Infinity) return `${last.channel} points to it`;
    if (last.isNext) return `${last.channel} pointed to it before: that is where a rollback leads`;
    if (grace !== null && last.until > now - grace)
      return `${last.channel} pointed to it until ${new Date(last.until).toISOString()}`;
  }
  return null;
}

/** Names of the snapshots that have outlived `keep`. @param now wall clock, milliseconds. */
export function outlived(
  snapshots: readonly { readonly name: string; readonly created: string }[],
  channels: readonly ChannelHistory[],
  { keep, now }: { readonly keep: Keep; readonly now: number },
): readonly string[] {
  const byAge = snapshots.toSorted((one, other) => Date.parse(other.created) - Date.parse(one.created));
  return byAge
    .slice(keep.snapshots)
    .filter(({ created }) => Date.parse(created) <= now - keep.grace)
    .filter(({ name }) => channelsNeed(name, channels, { grace: keep.grace, now }) === null)
    .map(({ name }) => name);
}

function lastPointed(snapshot: string, { current, before }: ChannelHistory): LastPointed | null {
  const { channel } = current;
  if (current.snapshot === snapshot) return { channel, until: Infinity, isNext: false };
  const next = before.find((each) => each.snapshot !== current.snapshot)?.snapshot ?? null;
  // What came right after ended it.
  let until = Date.parse(current.issued);
  for (const each of before) {
    if (each.snapshot === snapshot) return { channel, until, isNext: snapshot === next };
    until = Date.parse(each.issued);
  }
  return null;
}
