import { WaystationError } from '../../base/errors.ts';
import type { Actor } from '../../hub/audit/audit.ts';
import type { GateFinding } from '../../hub/gates/finding.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import type { HubParts } from './hub-parts.ts';
import { checkSnapshot } from './snapshot-check.ts';

export interface PromotionAsked {
  readonly channel: string;
  readonly snapshot: string;
  readonly why: string | null;
  readonly who: Actor;
  /** The file with the gates; null: there are none. */
  readonly gates: string | null;
  /** Told what the gates find, before anything else happens; null: what fails says it. */
  readonly onFindings: ((findings: readonly GateFinding[]) => void) | null;
}

/** As many findings as a message names. */
const named = 5;

/**
 * Points a channel to a snapshot that the gates let through, and notes it in the audit when it pointed elsewhere before.
 * @throws WaystationError `gates_failed`, `unknown_snapshot`
 */
export async function promoteThrough(hub: HubParts, asked: PromotionAsked): Promise<ChannelDocument> {
  const { channel, snapshot, why, who, gates, onFindings } = asked;
  const { snapshots, channels, audit } = hub;
  if (gates !== null) {
    const occasion = { occasion: 'promote', channel, by: who.name } as const;
    const { findings, passed } = await checkSnapshot(hub, { ...occasion, gates, name: snapshot });
    onFindings?.(findings);
    if (!passed) throw refused(asked, findings);
  }
  const before = await channels.find(channel);
  const after = await channels.promote(channel, await snapshots.need(snapshot), { by: who.name, why });
  if (after.sequence !== before?.sequence)
    await audit.note({ who, what: 'channel.promote', on: channel, to: snapshot, why });
  return after;
}

function refused({ channel, snapshot, onFindings }: PromotionAsked, findings: readonly GateFinding[]): WaystationError {
  const errors = findings.filter(({ level, waived }) => level === 'error' && waived === null);
  const first = errors.slice(0, named).map(({ gate, subject, message }) => `${gate}: ${subject} ${message}`);
  const more = errors.length > named ? ` and ${errors.length - named} more` : '';
  const what = onFindings === null ? ` (${first.join('; ')}${more})` : '';
  return new WaystationError('gates_failed', `${snapshot} does not pass the gates${what}; ${channel} is as it was`);
}
