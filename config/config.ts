import type { FileReference } from './file-reference.ts';
import type { HostAndPort } from './listen-address.ts';
import type { Policy } from './schema-subscription.ts';
import type { Share } from './sizes.ts';
import type { TimeWindow } from './time-window.ts';

/** The configuration, resolved: defaults filled in, inheritance and overrides applied, paths absolute. Plain data. */
export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly listen: {
    /** At least one. */
    readonly content: readonly ListenAddress[];
    /** At least one. */
    readonly admin: readonly ListenAddress[];
    /** Path of the Unix socket of the commands. */
    readonly socket: string;
  };
  /**
   * Base URL for .repo texts and pages, without a trailing `/`. null only when it is not given and the one content
   * address has port 0: then it is that address with the port that the system chose.
   */
  readonly publicUrl: string | null;
  /** State directory. */
  readonly state: string;
  readonly cache: {
    readonly max: Share;
    readonly keepFree: Share;
    /** Milliseconds, and bytes a second; null: what is held is not read again by itself. */
    readonly scrub: { readonly every: number; readonly rate: number } | null;
  };
  /** Milliseconds. */
  readonly drain: number;
  readonly limits: readonly Limit[];
  /** Files that syncs take from upstream at a time. */
  readonly transfers: { readonly perHub: number; readonly total: number };
  /** Beginnings of URL paths: as asked for → as served. All begin and end with `/`. Longest first. */
  readonly aliases: readonly (readonly [from: string, to: string])[];
  readonly subscriptions: readonly Subscription[];
}

/** A bound for what is taken from upstream. */
export interface Limit {
  /** Bytes a second; null: only `background` is said. */
  readonly rate: number | null;
  /** Background work begins nothing meanwhile. */
  readonly pausesBackground: boolean;
  /** null: always. */
  readonly during: TimeWindow | null;
  /** A name that Intl knows. */
  readonly timezone: string;
}

export interface ListenAddress extends HostAndPort {
  /** PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: FileReference; readonly key: FileReference } | null;
}

export interface Subscription {
  readonly name: string;
  /** Put before each path a hub names; '' for none. Already part of `repositories[].path`. */
  readonly prefix: string;
  readonly hub: { readonly type: 'yum' } | PulpHubConfig | WaystationHubConfig;
  readonly policy: Policy;
  /** The file says the policy: no hub says another. */
  readonly policyWritten: boolean;
  /** Bytes that are fetched for each generation before anybody asks; null: none. */
  readonly carryOver: number | null;
  readonly flip: 'each' | 'together';
  /** `grace` in milliseconds. */
  readonly keep: { readonly generations: number; readonly grace: number };
  /** Milliseconds between two looks at the hub. May be longer than a timer can wait (2^31 - 1 ms). */
  readonly refresh: number;
  /** In order; `effectiveTreatment` applies them. Those of `repositories` are already applied. */
  readonly overrides: readonly Override[];
  readonly repositories: readonly Repository[];
}

/** A Pulp 3 server, and what of it is wanted. */
export interface PulpHubConfig extends UpstreamAccess {
  readonly type: 'pulp';
  readonly url: string;
  readonly domain: string;
  /** A `pulp_label_select`, `q:` and a full expression, or null for everything in the domain. */
  readonly select: string | null;
}

/** A waystation hub, and which of its channels is followed. */
export interface WaystationHubConfig {
  readonly type: 'waystation';
  /** Always https; ends with `/`. */
  readonly url: string;
  readonly channel: string;
  /** Where a token for the registration is; null: `waystation register` is given one. */
  readonly tokenFile: FileReference | null;
  /** How the PoP would like to be called; null: as the host. */
  readonly name: string | null;
  readonly proxy: UpstreamAccess['proxy'];
}

/** How a repository is treated: what overrides can change. */
export interface Treatment {
  readonly policy: Policy;
  /** File with OpenPGP public keys. */
  readonly gpgKey: FileReference | null;
  readonly repoGpgCheck: boolean;
  /** null: open, unless the content is guarded at its hub. */
  readonly access: 'open' | 'deny' | null;
}

export interface Override extends Partial<Treatment> {
  /** Pattern over paths before the prefix. */
  readonly path: string;
}

/** One entry of a hub of type yum. */
export interface Repository extends Treatment, UpstreamAccess {
  /** As served: prefix included. */
  readonly path: string;
  /** Packages, or plain files that a PULP_MANIFEST lists. */
  readonly content: 'rpm' | 'file';
  /** Base URLs in the order to try, each ending with `/`, none twice. Empty only with a mirrorlist or metalink. */
  readonly urls: readonly string[];
  readonly mirrorlist: string | null;
  readonly metalink: string | null;
}

/** How an upstream is reached, and as whom. */
export interface UpstreamAccess {
  /** HTTP Basic. */
  readonly credentials: { readonly username: string; readonly passwordFile: FileReference } | null;
  /** Extra request headers. */
  readonly headers: readonly { readonly name: string; readonly value: string | FileReference }[];
  /** PEM files. `ca` replaces the system's authorities; `cert` and `key` come together. */
  readonly tls: { readonly ca: FileReference | null; readonly client: ClientCertificate | null };
  /** null: direct. `noProxy` is empty for a proxy that the hub or the entry itself names. */
  readonly proxy: { readonly url: string; readonly noProxy: readonly string[] } | null;
  /** Who asks, by names alone; nothing in it changes when a secret is rotated. */
  readonly identity: Identity;
}

export interface ClientCertificate {
  readonly cert: FileReference;
  readonly key: FileReference;
}

export interface Identity {
  readonly username: string | null;
  /** Names of the headers that may identify: all but user-agent, accept, accept-language and referer. */
  readonly headers: readonly string[];
  /** The certificate's file name as configured. */
  readonly certificate: string | null;
}
