import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { OriginDocuments } from '../content/origins.ts';
import type { StoreMaps } from '../content/store-maps.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { channelsNeed, outlived } from './keep-rule.ts';
import type { Keep } from './keep-rule.ts';
import type { Leases } from './leases.ts';
import { Marks } from './marks.ts';
import type { Retirements } from './retirement.ts';
import { garbage } from './garbage.ts';
import type { Garbage } from './garbage.ts';

/** Milliseconds between two looks whether a snapshot is being made: the collection gives way to that. */
const lookEvery = 500;

export interface CollectionParts {
  readonly store: ObjectStore;
  readonly snapshots: Snapshots;
  readonly origins: OriginDocuments;
  readonly maps: StoreMaps;
  readonly retirements: Retirements;
  readonly leases: Leases;
  readonly clock: Clock;
}

export interface CollectionOptions {
  /** null: only what was retired by name goes. */
  readonly keep: Keep | null;
  /** Milliseconds by the store's clock: what was written or retired less long ago stays. */
  readonly settle: number;
  /** Says what it would do and does nothing. */
  readonly dryRun: boolean;
  readonly by: string;
}

export interface CollectionResult {
  readonly dryRun: boolean;
  /** Snapshots that have outlived `keep`: they go with a later collection. */
  readonly retired: readonly string[];
  /** Snapshots that were retired before and are removed now. */
  readonly removed: readonly string[];
  /** What nothing refers to any more. Bytes of files and maps. */
  readonly files: number;
  readonly bytes: number;
  /** Marks, notes, reports and origins of what is gone. */
  readonly documents: number;
  /** Files that snapshots refer to. */
  readonly kept: number;
  /** A snapshot is being made: what is left goes another time. */
  readonly gaveWay: boolean;
}

/** A snapshot is being made. */
class GivesWay extends Error {}

/**
 * Removes what nothing refers to: pointers before what they point to, so that a crash at any moment leaves only more
 * garbage. What it cannot read refers to everything: then it ends with that error, and nothing is removed.
 */
export class Collection {
  readonly #parts: CollectionParts;

  constructor(parts: CollectionParts) {
    this.#parts = parts;
  }

  /** @throws WaystationError `store_busy` while a snapshot is made or another collection is under way. */
  async run(options: CollectionOptions): Promise<CollectionResult> {
    const { leases, clock } = this.#parts;
    if (options.dryRun) return this.#collect(options, clock.now(), async () => {});
    const lease = await leases.collect();
    let looked = clock.monotonic();
    const turn = async (): Promise<void> => {
      lease.check();
      if (clock.monotonic() - looked < lookEvery) return;
      if ((await lease.others()).length > 0) throw new GivesWay();
      looked = clock.monotonic();
    };
    try {
      return await this.#collect(options, await lease.storeTime(), turn);
    } finally {
      await lease.end();
    }
  }

  async #collect(options: CollectionOptions, now: number, turn: () => Promise<void>): Promise<CollectionResult> {
    const { store, retirements, clock, origins } = this.#parts;
    const { keep, settle, dryRun, by } = options;
    const did = { retired: [] as string[], removed: [] as string[], files: 0, bytes: 0, documents: 0 };
    const marks = new Marks(this.#parts.maps);
    const result = (gaveWay: boolean): CollectionResult => ({ dryRun, ...did, kept: marks.files, gaveWay });
    try {
      const young = now - settle;
      const channels = await retirements.histories();
      const gone = await this.#gone(channels, young, dryRun);
      const [left, going]: [SnapshotDocument[], string[]] = [[], []];
      for await (const snapshot of this.#parts.snapshots.list()) {
        if (gone.has(snapshot.name)) going.push(snapshot.name);
        else left.push(snapshot);
      }
      for (const name of keep === null ? [] : outlived(left, channels, { keep, now: clock.now() })) {
        const snapshot = left.find((each) => each.name === name);
        if (snapshot === undefined || (await retirements.find(name)) !== null) continue;
        const retired =
          dryRun || (await this.#retired(snapshot, { by, why: 'it has outlived keep', grace: keep?.grace ?? null }));
        if (retired) did.retired.push(name);
      }
      for (const snapshot of left) await marks.add(snapshot, await origins.of(snapshot), turn);
      for (const name of going) {
        await turn();
        if (!dryRun) await this.#parts.snapshots.remove(name);
        did.removed.push(name);
      }
      for await (const found of garbage(store, { marks, left, young })) {
        await turn();
        if (!dryRun) await store.delete(found.key);
        count(did, found);
      }
      if (!dryRun) await this.#parts.maps.tidy((primary) => marks.hasMap(primary));
      return result(false);
    } catch (error) {
      if (error instanceof GivesWay) return result(true);
      throw error;
    }
  }

  /** @returns false: a channel was pointed to it meanwhile. */
  async #retired(
    snapshot: SnapshotDocument,
    how: { readonly by: string; readonly why: string; readonly grace: number | null },
  ): Promise<boolean> {
    try {
      await this.#parts.retirements.retire(snapshot, how);
      return true;
    } catch (error) {
      if (error instanceof WaystationError && error.code === 'snapshot_in_use') return false;
      throw error;
    }
  }

  /** Names of retired snapshots that go now. One that a channel points to after all stays. */
  async #gone(
    channels: Awaited<ReturnType<Retirements['histories']>>,
    young: number,
    dryRun: boolean,
  ): Promise<ReadonlySet<string>> {
    const { retirements, clock } = this.#parts;
    const gone = new Set<string>();
    for await (const { retired, written } of retirements.list()) {
      const need = channelsNeed(retired.snapshot, channels, { grace: null, now: clock.now() });
      if (need === null && written < young) gone.add(retired.snapshot);
      if (need !== null && !dryRun) await retirements.undo(retired.snapshot);
    }
    return gone;
  }
}

function count(did: { files: number; bytes: number; documents: number }, { size, isFile }: Garbage): void {
  if (!isFile) {
    did.documents += 1;
    return;
  }
  did.files += 1;
  did.bytes += size;
}
