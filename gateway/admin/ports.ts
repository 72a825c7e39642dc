import type { Clock } from '../../base/clock.ts';
import type { Listed } from '../../base/digest.ts';
import type { Logger } from '../../base/log.ts';
import type { Outcome } from '../../base/outcome.ts';
import type { CacheStatus, ContactState, TransferStatus } from '../../base/status.ts';
import type { Subscriptions } from '../../base/subscriptions.ts';
import type { EventStreams } from './events.ts';

/** What the admin application is made of. */
export interface AdminPorts {
  /** Of waystation, as in package.json. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly subscriptions: Subscriptions;
  readonly cache: CacheReader;
  /** What is taken from upstream. */
  readonly transfers: () => TransferStatus;
  readonly metrics: MetricsRenderer;
  readonly readiness: Readiness;
  readonly explainer: Explainer;
  readonly imports: Imports;
  readonly verifications: Verifications;
  readonly generations: GenerationControl;
  readonly plans: Plans;
  readonly offlineReadiness: OfflineReadiness;
  /** One for all listeners: what is told once is read by all. */
  readonly events: EventStreams;
  /** `change` for the socket, whose file mode says who may connect; `read` for TCP, where anybody may. */
  readonly allowed: 'read' | 'change';
}

/** Begins runs of kind `plan`, which are then among the syncs. */
export interface Plans {
  /** @param subscriptions none: all. @returns the run's id. @throws WaystationError `unknown_subscription`, `draining` */
  start(subscriptions: readonly string[]): string;
}

/** Begins runs of kind `import`, which are then among the syncs. */
export interface Imports {
  /** @returns the run's id. @throws WaystationError `unknown_subscription`, `import_unreadable` */
  start(asked: ImportAsked): Promise<string>;
}

export interface ImportAsked {
  /** Absolute; read by this process. */
  readonly directory: string;
  /** Whose files they are; null: nobody says. */
  readonly subscription: string | null;
  readonly link: boolean;
  readonly dryRun: boolean;
}

/** Begins runs of kind `verify`, which are then among the syncs. */
export interface Verifications {
  /**
   * @param what is verified; neither: everything that is held. `path` is below /content/, decoded, without a slash at
   * either end.
   * @returns the run's id.
   * @throws WaystationError `unknown_subscription`, `not_found`
   */
  start(what: { readonly subscription?: string; readonly path?: string }): Promise<string>;
}

/** What would fail if the link died now. */
export interface OfflineReadiness {
  /** By counts, without a solver. @param subscriptions none: all. @throws WaystationError `unknown_subscription` */
  counted(subscriptions: readonly string[], signal: AbortSignal): Promise<object>;
  /** Begins a check of every file. @returns its id. @throws WaystationError `bad_request`, `draining` */
  begin(asked: ReadyAsked): string;
  /** Resolves once the check has ended. @throws WaystationError `not_found`, and why it could not be made. */
  report(id: string): Promise<object>;
  /** Has what a check named fetched. @returns the id of a run among the syncs. @throws as `report` */
  fetch(id: string): Promise<string>;
}

/** What shall be ready: without `packages` and `host`, what policies promise. */
export interface ReadyAsked {
  readonly subscriptions: readonly string[];
  /** Patterns over repository paths. */
  readonly repositories: readonly string[];
  readonly packages: readonly string[];
  /** A list as `rpm -qa` prints it. */
  readonly host: string | null;
  readonly arch: string | null;
  readonly modules: readonly string[];
  readonly weak: boolean;
}

/**
 * What may be done with kept generations. Each is named by its id, the beginning of one, or `@DATE`; everything that
 * changes resolves when it is durable and served, and again to no effect.
 */
export interface GenerationControl {
  /** @throws WaystationError `unknown_generation`, `bad_request` */
  setPinned(generation: string, pinned: boolean): Promise<Pinning>;
  /**
   * @param generation null: the one before the current.
   * @throws WaystationError `unknown_subscription`, `unknown_generation`, `nothing_older`, `bad_request`
   */
  rollback(subscription: string, generation: string | null): Promise<Switched>;
  /** @throws WaystationError `unknown_subscription`, `nothing_older` */
  release(subscription: string): Promise<Switched>;
  /** How two generations differ. @param path of one repository; null: of all. @throws WaystationError `unknown_generation` */
  diff(from: string, to: string, path: string | null): Promise<object>;
}

export interface Pinning {
  readonly generation: string;
  /** null: its document is lost. */
  readonly subscription: string | null;
  readonly pinned: boolean;
  /** false: it was so already. */
  readonly changed: boolean;
}

export interface Switched {
  readonly subscription: string;
  /** What is served now, and what was before. */
  readonly generation: string;
  readonly before: string;
  /** What is served after a release. */
  readonly newest: string;
  /** RFC 3339; null: it follows what is published. */
  readonly rolledBackSince: string | null;
  /** false: it was so already. */
  readonly changed: boolean;
}

export interface CacheReader {
  status(): CacheStatus | Promise<CacheStatus>;
}

export interface MetricsRenderer {
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** Whether clients may be sent here. Answered from memory: a probe must never wait for disk or upstream. */
export interface Readiness {
  /** SIGTERM came: what is open is finished, nothing new should come. */
  readonly draining: boolean;
  subscriptions(): readonly SubscriptionReadiness[];
}

export interface SubscriptionReadiness {
  readonly name: string;
  readonly state: ContactState;
  /** Id of the generation that is served; null while there is none. */
  readonly generation: string | null;
}

/** Says why a path is here or is not, without asking upstream and without changing anything. */
export interface Explainer {
  /** @param requestPath as a client would send it: absolute, percent-encoded, without query. */
  explain(requestPath: string): Promise<Explanation>;
}

export interface Explanation {
  readonly path: string;
  /** The outcome that a GET would have now, as far as can be known without asking upstream. */
  readonly verdict: Outcome;
  readonly subscription: string | null;
  readonly repository: string | null;
  /** The generation that answers: the current one, or the newest kept one that lists the path. */
  readonly generation: string | null;
  /** null: nothing lists the path. */
  readonly listed: Listed | null;
  /** Whether the bytes are on this disk and the path's repository may use them. */
  readonly held: boolean;
  /** The contact with where the bytes would come from; null when there is no such place. */
  readonly source: ContactState | null;
  /** One sentence for people. */
  readonly reason: string;
}
