import type { ErrorCode } from '../../base/errors.ts';
import type { FileCount } from './denied-files.ts';

/** Whether a site could do without its upstreams from now on, and what it would lack: `ready --json`. Sizes in bytes. */
export interface ReadyReport {
  readonly ready: boolean;
  /** When it was looked: RFC 3339. */
  readonly at: string;
  readonly subscriptions: readonly SubscriptionReady[];
  /** null: nobody asked for packages or for a host. */
  readonly needs: NeedsReady | null;
  /** Of what was asked for: what the hub wants not to be served. It is not missing: nothing will bring it. */
  readonly denied: FileCount;
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
  /** null: the policy promises no packages. */
  readonly promised: Promised | null;
  /** Where the key comes from that hosts are given for it. */
  readonly key: 'configured' | 'hub' | null;
  readonly problems: readonly string[];
}

/** Packages that a policy has fetched ahead: those that are neither held nor denied are missing. */
export interface Promised {
  readonly listed: number;
  /** Of those that are not denied. */
  readonly held: number;
  /** Of those that are missing. */
  readonly bytes: number;
  /** Held or not. */
  readonly denied: FileCount;
}

export interface NeedsReady {
  readonly ready: boolean;
  /** null: its metadata is not whole, so nothing could be resolved. */
  readonly solver: string | null;
  readonly arch: string;
  /** Everything that would be downloaded, and what of it is held. */
  readonly packages: { readonly needed: number; readonly held: number };
  readonly bytes: { readonly needed: number; readonly held: number };
  /** Of what is needed: what the hub wants not to be served. `problems` names it. */
  readonly denied: FileCount;
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
