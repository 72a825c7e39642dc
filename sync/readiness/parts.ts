import type { Clock } from '../../base/clock.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import type { Reference } from '../../cache/upkeep/references.ts';
import type { Solver } from '../../solver/question.ts';
import type { Policy } from '../subscription-options.ts';
import type { GenerationStore } from '../store.ts';
import type { MissingFile } from './report.ts';

/** What readiness is told from. Nobody upstream is asked, and nothing is changed. */
export interface ReadinessParts {
  readonly subscriptions: readonly SubscriptionFacts[];
  readonly store: Pick<GenerationStore, 'holdings'> & {
    current(subscription: string): GenerationDocument | null;
  };
  readonly metadata: HeldFiles;
  /** Files that hubs want not to be served, as metadata lists them: the same object as long as it says the same. */
  readonly denied: () => ReadonlySet<Digest>;
  readonly solver: Solver;
  /** As rpm names this machine's. */
  readonly arch: string;
  readonly clock: Clock;
}

/** What the configuration and the syncs know of a subscription. */
export interface SubscriptionFacts {
  readonly name: string;
  policyOf(path: string): Policy;
  /** Whether hosts may read a repository. */
  isOpen(path: string): boolean;
  /** Whether a key is configured for it. @throws WaystationError when it cannot be read. */
  hasKey(path: string): Promise<boolean>;
  standing(): Promise<SubscriptionStanding>;
}

export interface SubscriptionStanding {
  /** RFC 3339; null: never. */
  readonly checked: string | null;
  /** Repositories that are wanted and were never published, and why. */
  readonly pending: readonly { readonly path: string; readonly reason: string }[];
}

/** What is held. */
export interface HeldFiles {
  /** By a look at the file itself. */
  holds(scope: string, listed: Listed): Promise<boolean>;
  read(scope: string, listed: Listed): AsyncIterable<Buffer>;
  /** The hrefs of a package map. @throws WaystationError when it is lost or damaged. */
  packages(map: Digest): AsyncIterable<{ readonly href: string; readonly listed: Listed }>;
  /** What a package map lists by this href. @throws as `packages`. */
  find(map: Digest, href: string): Promise<Listed | null>;
}

/** A repository of the generation that is looked at. */
export interface LookedAt {
  readonly facts: SubscriptionFacts;
  readonly path: string;
  readonly document: RepositoryDocument;
}

/** A file that is missing, with what it takes to fetch it. */
export interface Lacking {
  readonly file: MissingFile;
  readonly reference: Reference;
}
