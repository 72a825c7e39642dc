/** How fast bytes may be taken from upstream, as a port: `origin/` has the limits, plans and status only ask. */
export interface AllowedRate {
  /** @param now wall clock, milliseconds since the epoch. */
  at(now: number): RateInForce;
  /**
   * How long so many bytes take at the allowed rate when their transfer begins at `from` and nothing else is
   * transferred. Wall-clock milliseconds; 0 where nothing limits.
   */
  millisecondsFor(bytes: number, from: number): number;
}

export interface RateInForce {
  /** Bytes a second; null: nothing limits. */
  readonly rate: number | null;
  /** When another rate comes into force, wall clock in milliseconds; null: never. */
  readonly until: number | null;
}
