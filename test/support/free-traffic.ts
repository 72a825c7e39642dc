import { systemClock } from '../../base/clock.ts';
import { silentMeter } from '../../base/metrics.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';

/** Traffic that no limit of its rate slows down, for tests of something else. */
export function freeTraffic(): Traffic {
  const transfers = { perHub: 64, total: 256 };
  return new Traffic({ rates: new RateSchedule([]), transfers, clock: systemClock, meter: silentMeter });
}
