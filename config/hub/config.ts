import type { HostAndPort } from '../listen-address.ts';

/** The configuration of a hub, resolved: defaults filled in, paths absolute. Plain data. */
export interface HubConfig {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly listen: {
    readonly api: HostAndPort;
    readonly admin: HostAndPort;
    /** Path of the Unix socket of the commands. */
    readonly socket: string;
  };
  /** Base URL without a trailing `/`, always https. */
  readonly publicUrl: string;
  readonly state: string;
  readonly store: { readonly type: 'directory'; readonly path: string };
  /** Which snapshots stay; null: all that nobody retires by name. `grace` in milliseconds. */
  readonly keep: { readonly snapshots: number; readonly grace: number } | null;
  /** File with the gates that a snapshot passes through before a channel points to it; null: there are none. */
  readonly gates: string | null;
  /** Certificates of PoPs; `life` in milliseconds. */
  readonly certificates: { readonly life: number };
  /** Directory of the keys. */
  readonly keys: string;
}
