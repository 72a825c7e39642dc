import type { Retired } from '../collection/retirement.ts';
import type { GateReport } from '../gates/check.ts';
import type { StoredReport } from '../gates/reports.ts';
import type { Note } from '../snapshots/notes.ts';
import type { SnapshotDiff } from '../snapshots/snapshot-diff.ts';

/** What is said of snapshots and how they go: the part of `HubControl` that is about what they hold. */
export interface SnapshotControl {
  /** From the metadata in the store; what cannot be read of it is in the answer. @throws WaystationError `unknown_snapshot`, like all that follow. */
  diff(from: string, to: string): Promise<SnapshotDiff>;
  notes(snapshot: string): Promise<{ readonly snapshot: string; readonly notes: readonly Note[] }>;
  /** @throws WaystationError `bad_request` for a package that the snapshot does not have */
  note(asked: { readonly snapshot: string; readonly nevra: string; readonly text: string }): Promise<Note>;
  /**
   * Through the gates of the hub's configuration.
   * @param asked `channel`: what it would be promoted to; null: it is compared with nothing.
   * @throws WaystationError `bad_request` when there are none
   */
  check(asked: { readonly snapshot: string; readonly channel: string | null }): Promise<GateReport>;
  /** What gates said, newest first. @param all not only the last time. */
  reports(
    snapshot: string,
    all: boolean,
  ): Promise<{ readonly snapshot: string; readonly reports: readonly StoredReport[] }>;
  /** @throws WaystationError `snapshot_in_use` */
  retire(asked: { readonly snapshot: string; readonly why: string | null }): Promise<Retired | null>;
}
