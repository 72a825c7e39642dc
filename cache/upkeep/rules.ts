import type { ConfirmedClock } from './clock-confidence.ts';

/** How long the generations of a subscription stay. */
export interface Keep {
  readonly subscription: string;
  /** So many stay at least. */
  readonly generations: number;
  /** Milliseconds that one stays after the next was published. */
  readonly grace: number;
}

/** What the configuration says of keeping. Asked anew each time. */
export interface UpkeepRules {
  /** Every configured subscription; of others nothing is retired. */
  keeps(): readonly Keep[];
  /** Whether all packages of a repository are to be held. */
  isFull(subscription: string, path: string): boolean;
  readonly clock: ConfirmedClock;
}

/** Nothing is configured, so nothing is retired: for commands, and for tests of other things. */
export const keepEverything: UpkeepRules = { keeps: () => [], isFull: () => false, clock: { confirmed: false } };
