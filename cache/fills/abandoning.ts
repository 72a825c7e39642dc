import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Followable } from './followable.ts';
import type { InFlight } from './in-flight.ts';

/** A fill that nobody follows goes on when it is this small or this far … */
const keptSize = 32 * 1024 * 1024;
const keptShare = 0.25;
/** … else it stops so long after the last follower left; its part stays for a day. */
const abandonAfter = 30_000;

/** Gives up fills that are not worth their bytes without anybody who wants them, unless somebody comes back in time. */
export class Abandoning {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A sync waits for it no more: perhaps none does. */
  readonly unwanted = (entry: InFlight): void => {
    if (entry.wanted > 0 || entry.whole) return;
    if (entry.fill !== null) this.consider(entry.fill, entry);
    else void entry.begun.promise.then((fill) => fill !== null && this.consider(fill, entry));
  };

  /** Nobody may be left who wants it. */
  consider(fill: Followable, entry: InFlight): void {
    const needed = (): boolean =>
      fill.growing.followers > 0 ||
      entry.wanted > 0 ||
      fill.growing.verified ||
      fill.listed.size <= keptSize ||
      fill.progress >= fill.listed.size * keptShare;
    entry.comeBack?.abort();
    if (needed() || fill.growing.failure !== null) return;
    const comeBack = new AbortController();
    entry.comeBack = comeBack;
    void this.#clock.sleep(abandonAfter, comeBack.signal).then(
      () => needed() || fill.cancel(new WaystationError('cancelled', 'nobody waits for it any more')),
      () => {},
    );
  }
}
