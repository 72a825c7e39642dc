import type { Digest } from '../../base/digest.ts';
import type { AssignmentAnswer } from '../../protocol/assignment.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';
import type { PopCredentials, RegistrationRequest } from '../../protocol/registration.ts';
import type { OpenObject } from '../store/object-store.ts';

/** A PoP that has proven who it is. */
export interface Pop {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What the service asks about PoPs; `hub/fleet/` has it. */
export interface Fleet {
  /**
   * Who shows this certificate (DER) now: chain, time, registered, not revoked. Asked again for requests of open
   * connections, so it is cheap for a certificate that it has seen.
   * @param options `renewing`: a certificate that ended lately is tolerated (docs/hub-protocol.md).
   * @throws WaystationError `certificate_refused`
   */
  identify(certificate: Buffer, options: { readonly renewing: boolean }): Promise<Pop>;
  /** @throws WaystationError `token_refused`, `pop_name_taken`, `bad_request` */
  register(
    request: RegistrationRequest,
    from: { readonly address: string },
  ): Promise<{ readonly credentials: PopCredentials; readonly isNew: boolean }>;
  /** @param csr PEM. @throws WaystationError `bad_request` */
  renew(pop: Pop, csr: string): Promise<PopCredentials>;
  /**
   * The signed assignment of a PoP and the channels in it; equal `version`: nothing changed. Cheap when nothing changed:
   * 200 PoPs wait at one process. Versions are made of what may be in an entity tag, without quotes.
   */
  assignment(pop: Pop): Promise<{ readonly answer: AssignmentAnswer; readonly version: string }>;
  /**
   * Told when something that assignments depend on may have changed, in this process or seen in the store.
   * @returns what ends it.
   */
  onChange(listener: () => void): () => void;
  heartbeat(pop: Pop, document: Heartbeat): Promise<void>;
}

/** How one PoP stands, for metrics and status: a row of `hub pops --json`. */
export interface PopStanding {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339; null: it has registered and never reported. */
  readonly lastSeen: string | null;
  /** As the fleet judges it: `ok`, `late`, `stuck`, `offline`, … */
  readonly state: string;
  readonly version: string | null;
  /** End of its last certificate, RFC 3339. */
  readonly certificateEnds: string;
  /** As its last heartbeat has it; null: it has never reported. Counts and bytes since the PoP started. */
  readonly traffic: Heartbeat['traffic'] | null;
  readonly cache: Heartbeat['cache'] | null;
  readonly channels: readonly {
    readonly channel: string;
    readonly snapshot: string | null;
    readonly complete: boolean;
    readonly errors: number;
    /** The PoP does not serve what the channel points to. */
    readonly behind: boolean;
  }[];
}

/** Told at each scrape: worst first. */
export interface FleetReport {
  pops(): Promise<readonly PopStanding[]>;
}

/** A file that a PoP asks for, as its metadata lists it. */
export interface WantedFile {
  /** `algorithm:hex`, checked. */
  readonly digest: Digest;
  /** Where it is listed; null: the PoP did not say. Decoded; a name of a snapshot, and relative paths without `..`. */
  readonly listed: { readonly snapshot: string; readonly path: string; readonly href: string } | null;
}

/** What the store has not under a digest alone: pull-through from origins, and files of one scope. `snap` has it. */
export interface Origins {
  /**
   * @returns a file of the store, or one on its way from an origin, whose reads wait; null when the hub cannot have it.
   * @throws WaystationError when it can, but not now.
   */
  open(wanted: WantedFile, signal: AbortSignal): Promise<OpenObject | null>;
}
