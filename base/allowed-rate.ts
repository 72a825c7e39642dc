import type { PauseStatus } from './status.ts';

/** How fast bytes may be taken from upstream, as a port: `origin/` has the limits, plans and status only ask. */
export interface AllowedRate {
  /** @param now wall clock, milliseconds since the epoch. */
  at(now: number): RateInForce;
  /** Whether there are any pauses. */
  readonly pauses: boolean;
  /** Whether background work may begin nothing. @param now as for `at`. @returns null: it may. */
  pause(now: number): Pause | null;
  /**
   * How long so many bytes of background work take at the allowed rate when their transfer begins at `from` and nothing
   * else is transferred, pauses included. Wall-clock milliseconds; 0 where nothing limits, infinite where a pause never
   * ends.
   */
  millisecondsFor(bytes: number, from: number): number;
}

/** A time in which no background work begins; what is under way goes on. */
export interface Pause {
  /** Wall clock in milliseconds; null: it never ends. */
  readonly until: number | null;
}

export interface RateInForce {
  /** Bytes a second; null: nothing limits. */
  readonly rate: number | null;
  /** When another rate comes into force, wall clock in milliseconds; null: never. */
  readonly until: number | null;
}

/** A pause as documents have it. */
export function pauseStatus(pause: Pause | null): PauseStatus | null {
  return pause === null ? null : { until: pause.until === null ? null : new Date(pause.until).toISOString() };
}
