import type { Digest } from './digest.ts';
import type { ErrorStatus, PauseStatus } from './status.ts';

/** What `sync --plan` shows: what a sync would do, as upstream and disk are now. Sizes in bytes. */

/** Files, and the sum of their sizes, as far as these are known. */
export interface PlanCount {
  readonly files: number;
  readonly bytes: number;
  /** Of `files`: those whose size nothing tells before they are fetched. They are in no `bytes`. */
  readonly unsized: number;
}

/** A file that several repositories list counts in the first of them that wants it, so that these add up. */
export interface PlanCounts {
  /** Wanted by the policy, and not held. */
  readonly fetch: PlanCount;
  /** Of these: stored, but by a hub or identity other than this one, which has to prove that it may have them. */
  readonly fetchStored: PlanCount;
  /** Held, and listed by what upstream shows. */
  readonly keep: PlanCount;
  /** Of these: came through another repository, an older generation or another hub. */
  readonly keepShared: PlanCount;
  /** Neither held nor wanted: fetched when somebody asks. */
  readonly onDemand: PlanCount;
  /** Not held, and the hub wants it not to be served: neither fetched nor given to hosts, wanted or not. */
  readonly denied: PlanCount;
  /** Held, and listed only by what is served now: goes when that is not kept any more. */
  readonly retire: PlanCount;
}

export interface RepositoryPlan extends PlanCounts {
  readonly path: string;
  readonly policy: string;
  /** The repomd.xml that is served, and the one that upstream shows; null: there is none, or it could not be had. */
  readonly served: Digest | null;
  readonly upstream: Digest | null;
  /** Why it could not be planned: then its counts are 0. */
  readonly error: Omit<ErrorStatus, 'at'> | null;
}

/** Whether so many bytes find room. */
export interface PlanRoom {
  /** Bytes to be stored: at least so many, when a plan has files of unknown size to fetch. */
  readonly needed: number;
  /** Bytes that may be evicted for them. */
  readonly evictable: number;
  /** Of blobs and parts: what there is, and what there may be. */
  readonly used: number;
  readonly max: number;
  /** Of the file system: what is free, and what has to stay free. */
  readonly free: number;
  readonly keepFree: number;
  /** null: not known yet, as what may be evicted is not. */
  readonly fits: boolean | null;
}

/** What carry-over would fetch after the change is published. */
export interface PlanCarryOver extends PlanCount {
  /** Bytes that `carryOver` allows for a generation. */
  readonly limit: number;
}

export interface SubscriptionPlan {
  readonly subscription: string;
  readonly hubVersion: string | null;
  readonly repositories: readonly RepositoryPlan[];
  readonly total: PlanCounts;
  /** Metadata that had to be fetched to know all this. It is held now. */
  readonly read: PlanCount;
  /** null: it is off. */
  readonly carryOver: PlanCarryOver | null;
  readonly room: PlanRoom;
  /** Bytes a second: what `limits` allow now (null: no limit), and what the last run that fetched anything had. */
  readonly rate: { readonly allowed: number | null; readonly recent: number | null };
  /** `limits` let none of it begin now; null: they do. */
  readonly paused: PauseStatus | null;
  /**
   * How long `total.fetch` takes by `limits`, windows to come included, and at the recent rate, from the end of a pause
   * that is in force; null: nothing tells, or it never ends. At least so long, when some of its files are of unknown
   * size.
   */
  readonly seconds: { readonly allowed: number | null; readonly recent: number | null };
  /** Why the hub could not be asked for its list: then what it said last was planned. */
  readonly error: Omit<ErrorStatus, 'at'> | null;
}
