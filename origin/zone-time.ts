const minute = 60_000;

/** What clocks on the wall of one time zone show. Offsets are whole minutes, as everywhere since 1972. */
export class ZoneTime {
  readonly #format: Intl.DateTimeFormat;

  /** @param timeZone a name that Intl knows. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** The local time at an instant, as the milliseconds that UTC would have when its clocks show the same. */
  localAt(instant: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute: minutes = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minutes, second);
  }

  /** Milliseconds that local time is ahead of UTC. */
  offsetAt(instant: number): number {
    return this.localAt(instant) - Math.floor(instant / 1000) * 1000;
  }

  /** The first minute in (after, by] at which the offset is not that of `after`; null when they have the same. */
  changeWithin(after: number, by: number): number | null {
    const offset = this.offsetAt(after);
    if (this.offsetAt(by) === offset) return null;
    let [same, other] = [Math.floor(after / minute), Math.ceil(by / minute)];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (this.offsetAt(middle * minute) === offset) same = middle;
      else other = middle;
    }
    return other * minute;
  }
}
