import type { Digest } from './digest.ts';
import type { ErrorCode } from './errors.ts';
import type { SubscriptionPlan } from './plan.ts';
import type { Purpose } from './transfer.ts';

/** The documents of `status --json` and `/api/v1/*` (contract). Times are RFC 3339, sizes bytes. */

export type ContactState = 'connected' | 'degraded' | 'disconnected';
export type RepositoryState = 'current' | 'behind' | 'pending' | 'guarded' | 'orphaned';
export type CacheState = 'ok' | 'full' | 'read-only' | 'failing';
export type RunState = 'planned' | 'running' | 'publishing' | 'done' | 'failed' | 'cancelled';
/**
 * Why a run did not come to its end: somebody called it off, the service was stopped, or killed in the midst of it, or
 * the hub wanted something else by then.
 */
export type CancelReason = 'requested' | 'stopping' | 'interrupted' | 'superseded';

export interface ErrorStatus {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at: string;
}

export interface RepositoryStatus {
  readonly path: string;
  /** Its own: an override may say another than the subscription does. */
  readonly policy: string;
  /** Packages, or plain files: those are counted under `packages`, and `repomd` is their PULP_MANIFEST. */
  readonly content: 'rpm' | 'file';
  readonly state: RepositoryState;
  readonly reason: string | null;
  readonly since: string;
  readonly repomd: Digest | null;
  readonly packages: { readonly listed: number; readonly held: number; readonly unservable: number };
  readonly bytes: { readonly listed: number; readonly held: number };
  /** The installation tree that it is part of, by its `.treeinfo`; null: it has none. */
  readonly tree: TreeStatus | null;
}

export interface TreeStatus {
  /** `unusable`: lines of the `.treeinfo` by which nothing can be proven or served. */
  readonly files: { readonly listed: number; readonly held: number; readonly unusable: number };
  /** Repositories of its variants that this PoP does not carry at the place where installers look for them. */
  readonly variantsMissing: readonly string[];
}

/** How a PoP stands with the waystation hub whose channel a subscription follows. */
export interface FollowingStatus {
  /** Who the PoP is there; null: nobody yet. */
  readonly id: string | null;
  readonly name: string | null;
  readonly channel: string;
  /** The snapshot that the channel points to, as far as is believed; which one is served is said by the generation. */
  readonly snapshot: string | null;
  /** RFC 3339. */
  readonly certificateEnds: string | null;
  /** When what the hub said has to be heard again. */
  readonly expires: string | null;
  /** What is wrong, for people; null: nothing. */
  readonly problem: string | null;
}

export interface SubscriptionStatus {
  readonly name: string;
  readonly state: ContactState;
  readonly policy: string;
  readonly flip: 'each' | 'together';
  readonly generation: string | null;
  readonly published: string | null;
  /** What the hub calls what is served, where it has a name for it: of a channel its snapshot. */
  readonly snapshot?: string | null;
  /** It does not follow what is published since then, until it is released; `newest` is what it follows then. */
  readonly rolledBack: { readonly since: string; readonly newest: string } | null;
  readonly checked: string | null;
  readonly hub: {
    readonly type: string;
    readonly url: string | null;
    readonly state: ContactState;
    readonly lastContact: string | null;
    readonly error: ErrorStatus | null;
    /** Of a hub of type waystation. */
    readonly following?: FollowingStatus;
  };
  readonly sync: {
    readonly id: string | null;
    readonly state: 'idle' | RunState;
    readonly kind: string;
    /** Of the run that is under way: what it is at, how far, and how many paths have failed. null: not known, or idle. */
    readonly phase: string | null;
    readonly percent: number | null;
    readonly secondsLeft: number | null;
    /** It has files to fetch and may not begin them now; null: nothing like that. */
    readonly paused: PauseStatus | null;
    readonly failed: number;
    /** When a run ended after which every repository was as its upstream shows it, complete by its policy. */
    readonly lastSuccess: string | null;
    readonly error: ErrorStatus | null;
  };
  readonly repositories: readonly RepositoryStatus[];
}

export interface CacheStatus {
  readonly state: CacheState;
  /** Why the state is not `ok`, where a call of the disk said so; for people. */
  readonly reason: string | null;
  /** Of blobs and parts. */
  readonly bytes: number;
  readonly max: number;
  /** Of the file system. */
  readonly free: number;
  readonly blobs: number;
  /** Of blobs that must not be evicted, and of those that may be. */
  readonly pinnedBytes: number;
  readonly evictableBytes: number;
  /** Promised to transfers that are under way. */
  readonly reservedBytes: number;
  readonly next: NextEvicted | null;
  readonly scrub: ScrubStatus;
}

/** What will be evicted first. */
export interface NextEvicted {
  /** Of sha384 and sha512 the first 64 digits. */
  readonly digest: Digest;
  readonly bytes: number;
  /** Since when nobody needed it, as far as is known. */
  readonly since: string;
}

/** The background's way through everything held. */
export interface ScrubStatus {
  /** `waiting`: a pass begins later; `paused`: the disk is not `ok`, or cannot be read. */
  readonly state: 'off' | 'waiting' | 'running' | 'paused';
  /** Of the pass under way, or the last one. null: none began yet. */
  readonly passBegan: string | null;
  readonly files: number;
  /** `total` is what is held now. */
  readonly bytes: { readonly done: number; readonly total: number };
  /** When the last whole pass ended. */
  readonly lastPass: string | null;
  /** Files that this pass and the one before found damaged; of these, how many could not be fetched again then. */
  readonly damaged: number;
  readonly missing: number;
}

/** A time in which `limits` let background work begin nothing. */
export interface PauseStatus {
  /** null: it never ends. */
  readonly until: string | null;
}

/** What is taken from upstream, and how much of it is allowed. */
export interface TransferStatus {
  /** In force now, in bytes a second, null: nothing limits; and when that changes, null: never. */
  readonly limit: { readonly rate: number | null; readonly until: string | null };
  /** Something waits for the limit. */
  readonly throttled: boolean;
  /** `limits` let background work begin nothing; null: they do. */
  readonly paused: PauseStatus | null;
  /** Files that are transferred at a time. */
  readonly slots: {
    readonly perHub: number;
    readonly total: number;
    readonly busy: Readonly<Record<Purpose, number>>;
    readonly waiting: Readonly<Record<Purpose, number>>;
  };
}

export interface Status {
  readonly version: string;
  readonly state: ContactState;
  readonly subscriptions: readonly SubscriptionStatus[];
  readonly cache: CacheStatus;
  readonly transfers: TransferStatus;
}

export interface RunFailure {
  readonly path: string;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly attempts: number;
  readonly nextTry: string | null;
  /** It was wrong, and is right again: a run whose every failure is healed is done. */
  readonly healed?: true;
}

export interface RunStatus {
  readonly id: string;
  /** null: it concerns more than one. */
  readonly subscription: string | null;
  /** `verify`, `import`, `plan`, `carry-over`, or the policy of a sync. */
  readonly kind: string;
  readonly state: RunState;
  /** null: it goes on, or came to its end. */
  readonly reason: CancelReason | null;
  readonly started: string;
  readonly finished: string | null;
  readonly phases: readonly {
    readonly name: string;
    readonly done: number;
    readonly total: number;
    readonly bytes: number;
    readonly totalBytes: number;
  }[];
  /** Bytes a second that have to be moved: of the last 30 s, and once it has ended of all its time. null: not known. */
  readonly rate: number | null;
  /** By what was dealt with in the last 30 s, for what is known to be left. null: not known. */
  readonly secondsLeft: number | null;
  /** It has files to fetch and may not begin them now; absent: nothing like that. */
  readonly paused?: PauseStatus;
  /** All of them; `failures` names the first. */
  readonly failureCount: number;
  /** How many of them are right again. */
  readonly healedCount: number;
  readonly failures: readonly RunFailure[];
  /** Of an import that went to its end. */
  readonly import?: ImportReport;
  /** Of a plan that went to its end: one a subscription. */
  readonly plans?: readonly SubscriptionPlan[];
}

/** What an import found and did. Every file seen is one of matched, unlisted, unneeded, unreadable, left. */
export interface ImportReport {
  readonly directory: string;
  /** Nothing was stored: `taken` is what would have been. */
  readonly dryRun: boolean;
  /** Everything that could be read and is listed is held now. */
  readonly complete: boolean;
  readonly files: {
    readonly seen: number;
    /** Read, and listed: taken, held or failed. */
    readonly matched: number;
    readonly taken: number;
    /** Held before, or taken from another copy of it. */
    readonly held: number;
    readonly unlisted: number;
    /** Not read: every listed file of that size is held. */
    readonly unneeded: number;
    /** Wanted by its size, and unreadable, or changed while it was read. */
    readonly unreadable: number;
    /** Listed, and not stored. */
    readonly failed: number;
    /** Not looked at: nothing more could be stored. */
    readonly left: number;
  };
  readonly bytes: { readonly seen: number; readonly read: number; readonly taken: number };
  /** Symbolic links that lead out of the folder; devices, sockets, pipes; folders that cannot be listed. */
  readonly passedOver: { readonly links: number; readonly others: number; readonly unreadable: number };
  /** Files that were to become links and were copied, and why the first of them was. */
  readonly copied: { readonly files: number; readonly reason: string | null };
  /** `repodata/repomd.xml` in the folder. */
  readonly repositoriesFound: number;
  /** Of all that is served now. `importable`: its scope is one that the import proves. */
  readonly repositories: readonly {
    readonly subscription: string;
    readonly path: string;
    readonly importable: boolean;
    readonly packages: { readonly listed: number; readonly held: number };
    readonly bytes: { readonly listed: number; readonly held: number };
  }[];
}

export interface GenerationStatus {
  readonly id: string;
  readonly subscription: string;
  readonly created: string;
  readonly current: boolean;
  readonly pinned: boolean;
  /** It is current because its subscription is rolled back to it. */
  readonly rolledBack: boolean;
  readonly hubVersion: string | null;
  readonly repositories: Readonly<Record<string, { readonly repomd: Digest }>>;
  readonly packages: { readonly listed: number; readonly held: number };
  readonly bytes: { readonly listed: number; readonly held: number };
}
