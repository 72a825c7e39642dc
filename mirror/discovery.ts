import type { Digest } from '../base/digest.ts';
import type { Guard } from '../base/generation.ts';
import type { FollowingStatus } from '../base/status.ts';
import type { Supplier } from '../base/transfer.ts';

/** A repository's upstream, with what a metalink vouches for. */
export interface RepositorySupplier extends Supplier {
  /**
   * Digests of the repomd.xml files that the repository's metalink accepts now; null when it has no metalink.
   * @throws WaystationError when the metalink cannot be had or read.
   */
  acceptableRepomd(signal: AbortSignal): Promise<readonly Digest[] | null>;
}

/** One repository that a hub wants this PoP to carry. */
export interface WantedRepository {
  /** Where the PoP serves it: the subscription's prefix included, no slash at either end. */
  readonly path: string;
  /** `rpm`: packages, as repomd.xml has them; `file`: plain files, as a PULP_MANIFEST has them. */
  readonly content: 'rpm' | 'file';
  /** What the hub calls it, for people. */
  readonly name: string | null;
  /** Why the hub does not give it to everybody; null when it does. */
  readonly guard: Guard | null;
  /** Possession scope of the bytes that `supplier` brings (`scopeOf`). */
  readonly scope: string;
  readonly supplier: RepositorySupplier;
}

/** What a hub said when it was asked. An empty list is a list: what left it stays served, as orphaned. */
export interface Discovery {
  /** The hub's own name for this state (a version, a snapshot), null when it has none. */
  readonly hubVersion: string | null;
  readonly repositories: readonly WantedRepository[];
}

/** A hub, as a subscription sees it. */
export interface HubClient {
  readonly type: string;
  /** Without user info; null when the hub is a list of separate URLs. */
  readonly url: string | null;
  /**
   * Whether the list is the operator's own configuration. If so, what left it was taken out on purpose; if not, a
   * repository that is missing or no longer guarded may be a hub's mistake, and nothing is opened or given away for it.
   */
  readonly authoritative: boolean;
  /** What is known without asking: the configured list, or the one remembered from the last time. */
  remembered(): readonly WantedRepository[];
  /**
   * Asks the hub, all pages.
   * @throws WaystationError when the whole list cannot be had: then the last one holds.
   */
  discover(signal: AbortSignal): Promise<Discovery>;
  /**
   * Begins to listen to a hub that says by itself when it is to be asked: at once where it wants something else than
   * before (`news`), or because what is known of the contact with it is out of date (`trouble`).
   */
  watch?(listener: (what: 'news' | 'trouble') => void): void;
  /** How this PoP stands there, where hubs know their PoPs. */
  following?(): FollowingStatus;
}

/** Puts a subscription's prefix before a hub's path: `site/a` + `edge/base` is `site/a/edge/base`. */
export function servedPath(prefix: string, path: string): string {
  return [...prefix.split('/'), ...path.split('/')].filter((part) => part !== '').join('/');
}
