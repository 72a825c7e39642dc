import type { AllowedRate } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { ContentReader } from '../mirror/content-reader.ts';
import type { HubClient } from '../mirror/discovery.ts';
import type { NewestRequest } from '../mirror/newest-packages.ts';
import type { Denied, PackageFetcher } from '../mirror/packages.ts';
import type { TreeFileFetcher } from '../mirror/tree-files.ts';
import type { Trust } from '../mirror/signature.ts';
import type { RunObserver, RunPhase } from '../runs/run-record.ts';
import type { Flip } from './flip.ts';
import type { DiscoveryState } from './hub-contact.ts';
import type { Forecast } from './carry-over/carry-over.ts';
import type { Admission } from './admission.ts';
import type { PathOwners } from './paths.ts';
import type { Stored } from './plan/stored.ts';
import type { GenerationStore } from './store.ts';

/** What is fetched before anybody asks: metadata alone, every package too, or the newest N versions of each. */
export type Policy = 'on-demand' | 'full' | `newest:${number}`;

export interface SubscriptionOptions {
  readonly name: string;
  /** Of the subscription; a path may have another one. */
  readonly policy: Policy;
  readonly policyOf: (path: string) => Policy;
  readonly flip: Flip;
  /** Milliseconds from one poll to the next. */
  readonly refresh: number;
  readonly hub: HubClient;
  /** What the metadata of a path must be signed with; null: nothing is asked. Read anew at each poll. */
  readonly trust: (path: string) => Promise<Trust | null>;
  /** The operator's access rule for a path, null when there is none. */
  readonly access: (path: string) => string | null;
}

/** Which packages `newest:N` means, of a repository as it was proven. */
export type NewestOf = Pick<NewestRequest, 'path' | 'document' | 'versions'>;

/** Reads what is held of a repository again. What is wrong is moved aside, and counts as missing from then on. */
export interface Proof {
  /** The files that the document names itself. @throws WaystationError; the signal's reason */
  metadata(of: ProofOf, phase: RunPhase, signal: AbortSignal): Promise<void>;
  /** The packages of a map, those that are held. */
  packages(of: ProofOf & { readonly map: Digest }, phase: RunPhase, signal: AbortSignal): Promise<void>;
}

interface ProofOf {
  readonly path: string;
  readonly document: RepositoryDocument;
}

export interface SubscriptionParts {
  readonly store: GenerationStore;
  readonly reader: ContentReader;
  readonly packages: PackageFetcher;
  readonly trees: TreeFileFetcher;
  /**
   * Makes the map of a repository's newest packages, unless there is one. @returns its name; null: there are no packages.
   * @throws WaystationError
   */
  readonly newest: (of: NewestOf, signal: AbortSignal) => Promise<Digest | null>;
  /** What is stored, as plans count it. */
  readonly stored: Stored;
  /** What hubs want not to be served: neither fetched nor counted as missing. */
  readonly denied: Denied;
  /** What carry-over would fetch once these maps take the place of those before; null: it is off. */
  readonly forecast: Forecast;
  /** How fast transfers may be, now and later. */
  readonly rates: AllowedRate;
  readonly proof: Proof;
  /** Hears of every run. */
  readonly runs: RunObserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly owners: PathOwners;
  /** Of all subscriptions: they share the disk. */
  readonly admission: Admission;
  /** Whether a generation's id is in use on this PoP. */
  readonly taken: (id: string) => boolean;
}

/** What a subscription knows of its hub beside its members. Replaced as a whole. */
export interface Contact {
  readonly discovery: DiscoveryState;
  /** Wall clock of the last poll that all upstreams answered, and of the last answer. */
  readonly checked: number | null;
  readonly lastContact: number | null;
}
