import type { ErrorCode } from '../../base/errors.ts';

/** Whether a site could do without its upstreams from now on, and what it would lack: `ready --json`. Sizes in bytes. */
export interface ReadyReport {
  readonly ready: boolean;
  /** When it was looked: RFC 3339. */
  readonly at: string;
  readonly subscriptions: readonly SubscriptionReady[];
  /** null: nobody asked for packages or for a host. */
  readonly needs: NeedsReady | null;
  readonly missing: {
    readonly count: number;
    readonly bytes: number;
    /** In a report by counts alone: the metadata only. */
    readonly files: readonly MissingFile[];
  };
}

export interface SubscriptionReady {
  readonly name: string;
  readonly ready: boolean;
  /** The generation that was looked at: the one that is served. */
  readonly generation: string | null;
  readonly published: string | null;
  /** When its upstreams were last asked with success: what came since is not here. */
  readonly checked: string | null;
  /** What is wrong with more than one of its repositories. */
  readonly problems: readonly string[];
  readonly repositories: readonly RepositoryReady[];
}

export interface RepositoryReady {
  readonly path: string;
  /** `closed`: hosts are refused it (`access`, a guard), so it counts for nothing. `pending`: never published. */
  readonly state: 'ready' | 'lacking' | 'pending' | 'closed';
  readonly policy: string;
  /** Files that the generation names itself: repomd.xml, its signature, every record. */
  readonly metadata: { readonly listed: number; readonly held: number };
  readonly packages: { readonly listed: number; readonly held: number; readonly unservable: number };
  readonly bytes: { readonly listed: number; readonly held: number };
  /** Packages that the policy has fetched ahead, and the bytes of those that are missing; null: it promises none. */
  readonly promised: { readonly listed: number; readonly held: number; readonly bytes: number } | null;
  /** Where the key comes from that hosts are given for it. */
  readonly key: 'configured' | 'hub' | null;
  readonly problems: readonly string[];
}

export interface NeedsReady {
  readonly ready: boolean;
  /** null: its metadata is not whole, so nothing could be resolved. */
  readonly solver: string | null;
  readonly arch: string;
  /** Everything that would be downloaded, and what of it is held. */
  readonly packages: { readonly needed: number; readonly held: number };
  readonly bytes: { readonly needed: number; readonly held: number };
  /** Names that nothing here goes by. */
  readonly unknown: readonly string[];
  /** Why not all of it can be installed. */
  readonly problems: readonly string[];
  /** Of a host's list: how many there are, and which are in no repository as they stand. */
  readonly installed: { readonly listed: number; readonly elsewhere: readonly string[] } | null;
  /** What the solver leaves out. */
  readonly notes: readonly string[];
}

export interface MissingFile {
  readonly subscription: string;
  readonly repository: string;
  /** As clients ask for it, below /content/. */
  readonly path: string;
  /** `name-[epoch:]version-release.arch`; null: no package, or its metadata cannot be read. */
  readonly nevra: string | null;
  readonly bytes: number;
  /** `metadata`: nothing works without it; `policy`: it was to be fetched ahead; `needed`: by what was asked for. */
  readonly because: 'metadata' | 'policy' | 'needed';
}

/** Why something is not right, in words that begin with its code. */
export function problemText({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  return `${code}: ${message}`;
}
