import type { PopStanding } from '../service/ports.ts';
import type { KeptHeartbeat } from './heartbeats.ts';
import type { PopRecord } from './pop-records.ts';

/** So many intervals without a heartbeat, and a PoP is offline. */
const patience = 3;
/** Milliseconds that a PoP with errors may be behind before it is stuck. */
const stuckAfter = 60 * 60_000;

/** Worst first: the order in which they are shown. */
const states = ['offline', 'stuck', 'late', 'registered', 'current', 'revoked'] as const;

/** How a PoP stands, with what it has served since it started. */
export interface FleetStanding extends PopStanding {
  readonly state: (typeof states)[number];
  /** Of the channels together. */
  readonly errors: number;
  /** Shares of its clients' requests that it answered from its disk, 0 to 1; null: nobody asked. */
  readonly hitRatio: number | null;
  /** Bytes to its clients. */
  readonly bytes: number;
}

/** What a PoP is judged by. */
export interface Evidence {
  readonly record: PopRecord;
  readonly heard: KeptHeartbeat | null;
  /** Seconds between two heartbeats, as it was told. */
  readonly heartbeat: number;
  /** Channel → the snapshot that it points to. */
  readonly pointed: ReadonlyMap<string, string>;
}

/** @param now by the hub's clock: what a PoP's own clock says does not count. */
export function standingOf(evidence: Evidence, now: number): FleetStanding {
  const { record, heard, pointed } = evidence;
  const channels = (heard?.document.channels ?? []).map(({ channel, snapshot, complete, errorCount }) => ({
    channel,
    snapshot,
    complete,
    errors: errorCount,
    behind: pointed.has(channel) && pointed.get(channel) !== snapshot,
  }));
  const { traffic = null, cache = null } = heard?.document ?? {};
  const { requests = 0, hits = 0, bytes = 0 } = traffic ?? {};
  return {
    id: record.id,
    name: record.name,
    labels: record.labels,
    lastSeen: heard?.received ?? null,
    state: stateOf(evidence, channels, now),
    version: heard?.document.version ?? null,
    certificateEnds: record.certificateEnds,
    traffic,
    cache,
    channels,
    errors: channels.reduce((sum, { errors }) => sum + errors, 0),
    hitRatio: requests === 0 ? null : Math.min(1, hits / requests),
    bytes,
  };
}

/** Worst first, then by name. */
export function worstFirst(standings: readonly FleetStanding[]): readonly FleetStanding[] {
  return standings.toSorted(
    (one, other) =>
      states.indexOf(one.state) - states.indexOf(other.state) ||
      (one.name < other.name ? -1 : one.name === other.name ? 0 : 1),
  );
}

function stateOf(
  { record, heard, heartbeat }: Evidence,
  channels: FleetStanding['channels'],
  now: number,
): FleetStanding['state'] {
  if (record.revoked !== null) return 'revoked';
  if (heard === null) return 'registered';
  if (now - Date.parse(heard.received) > patience * heartbeat * 1_000) return 'offline';
  const isStuck = channels.some(({ channel, errors, behind, complete }) => {
    const since = heard.behind[channel];
    const isLong = behind && since !== undefined && now - Date.parse(since) > stuckAfter;
    return errors > 0 && (isLong || !complete);
  });
  if (isStuck) return 'stuck';
  return channels.some(({ behind }) => behind) ? 'late' : 'current';
}
