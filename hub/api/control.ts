import type { AuditEntry } from '../audit/audit.ts';
import type { Retired } from '../collection/retirement.ts';
import type { Missing } from '../content/missing-files.ts';
import type { AssignmentRule } from '../fleet/assignment-rules.ts';
import type { LabelChanges, Labels } from '../fleet/labels.ts';
import type { PopRecord } from '../fleet/pop-records.ts';
import type { FleetStanding } from '../fleet/standing.ts';
import type { OperatorRole } from '../operators/operators.ts';
import type { Note } from '../snapshots/notes.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { SnapshotControl } from './snapshot-control.ts';
import type { TokenRows } from '../fleet/token-rows.ts';

/** A snapshot, and since when it is to go. */
export interface ListedSnapshot extends SnapshotDocument {
  /** RFC 3339; null: it stays. */
  readonly retired: string | null;
}

/** A snapshot, with what only its origins have and what people say of it. */
export interface ShownSnapshot extends ListedSnapshot {
  readonly onlyAtOrigin: Missing;
  readonly notes: readonly Note[];
  /** Who said that it is to go, and why. */
  readonly retirement: Pick<Retired, 'at' | 'by' | 'why'> | null;
}

/** A PoP with all that a hub knows of it. */
export type ShownPop = FleetStanding &
  Pick<PopRecord, 'registered' | 'from' | 'certificateEnds' | 'token' | 'revoked'> & {
    readonly heartbeat: Heartbeat | null;
  };

/** A new token: its text is told this once. */
export interface MadeToken {
  readonly token: string;
  readonly id: string;
  readonly labels: Labels;
  readonly uses: number;
  readonly expires: string;
  readonly url: string;
}

export interface MadeOperator {
  readonly token: string;
  readonly id: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly expires: string;
}

/** A new certificate of an operator, PEM. It is no secret: who has not its key can do nothing with it. */
export interface CertifiedOperator extends Omit<MadeOperator, 'token'> {
  readonly certificate: string;
}

/**
 * What somebody who may can do to a hub, and see of it, as the documents of the commands (`--json`) and of the API. Every
 * change is in the audit. Two implement it: the store itself, and the API of a hub elsewhere.
 */
export interface HubControl extends SnapshotControl {
  snapshots(): Promise<{ readonly snapshots: readonly ListedSnapshot[] }>;
  /** @throws WaystationError `unknown_snapshot` */
  snapshot(name: string): Promise<ShownSnapshot>;
  channels(): Promise<{ readonly channels: readonly ChannelDocument[] }>;
  /** What it points to, then what it pointed to before, newest first. */
  channel(name: string): Promise<{ readonly channels: readonly ChannelDocument[] }>;
  /** Through the gates. @throws WaystationError `gates_failed`, `unknown_snapshot` */
  promote(asked: {
    readonly channel: string;
    readonly snapshot: string;
    readonly why: string | null;
  }): Promise<ChannelDocument>;
  /** @throws WaystationError `unknown_channel`, `nothing_older` */
  rollback(asked: { readonly channel: string; readonly why: string | null }): Promise<ChannelDocument>;
  pops(): Promise<{ readonly pops: readonly FleetStanding[] }>;
  /** By name or id, like all that follow. @throws WaystationError `pop_unknown` */
  pop(pop: string): Promise<ShownPop>;
  labelPop(pop: string, changes: LabelChanges): Promise<{ id: string; name: string; labels: Labels }>;
  renamePop(pop: string, name: string): Promise<{ readonly id: string; readonly name: string }>;
  revokePop(pop: string, why: string | null): Promise<Pick<PopRecord, 'id' | 'name' | 'revoked'>>;
  tokens(): Promise<TokenRows>;
  /** @param asked `ttl`: seconds. */
  createToken(asked: { readonly labels: Labels; readonly uses: number; readonly ttl: number }): Promise<MadeToken>;
  /** @param asked `ttl`: seconds. */
  createOperator(asked: {
    readonly name: string;
    readonly role: OperatorRole;
    readonly ttl: number;
  }): Promise<MadeOperator>;
  /** @param asked `ttl`: seconds; `csr`: PEM. @throws WaystationError `bad_request` */
  certifyOperator(asked: {
    readonly name: string;
    readonly role: OperatorRole;
    readonly ttl: number;
    readonly csr: string;
  }): Promise<CertifiedOperator>;
  /** @throws WaystationError `token_unknown` */
  revokeToken(id: string): Promise<{ readonly id: string }>;
  /** null: none were ever set. */
  assignments(): Promise<{ readonly assignments: readonly AssignmentRule[] | null }>;
  setAssignments(rules: readonly AssignmentRule[]): Promise<{ readonly assignments: readonly AssignmentRule[] | null }>;
  /** @param since milliseconds since the epoch. */
  audit(since: number): Promise<{ readonly audit: readonly AuditEntry[] }>;
}
