import type { Digest } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { ConfirmedClock } from './clock-confidence.ts';

/** How long the generations of a subscription stay. */
export interface Keep {
  readonly subscription: string;
  /** So many stay at least. */
  readonly generations: number;
  /** Milliseconds that one stays after the next was published. */
  readonly grace: number;
}

/** The newest versions of each package of a repository. */
export interface Newest {
  readonly versions: number;
  /** The name of the map that lists them, a part of the repository's own. */
  readonly map: Digest;
}

/** Which packages of a repository are to be held whoever asks for them or not; unless it is none, its tree is as well. */
export type HeldPackages = 'none' | 'all' | Newest;

/** What the configuration says of keeping. Asked anew each time. */
export interface UpkeepRules {
  /** Every configured subscription; of others nothing is retired. */
  keeps(): readonly Keep[];
  /** Which packages of a repository are to be held. */
  holds(subscription: string, path: string, document: RepositoryDocument): HeldPackages;
  readonly clock: ConfirmedClock;
}

/** Nothing is configured, so nothing is retired: for commands, and for tests of other things. */
export const keepEverything: UpkeepRules = { keeps: () => [], holds: () => 'none', clock: { confirmed: false } };
