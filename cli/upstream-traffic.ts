import type { AllowedRate } from '../base/allowed-rate.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Meter } from '../base/metrics.ts';
import { fromFirst } from '../base/transfer.ts';
import type { Config } from '../config/config.ts';
import { RateSchedule } from '../origin/rate-schedule.ts';
import { Traffic } from '../origin/traffic.ts';

/** What all transfers from upstream share, as the configuration has it, and its metrics. */
export function upstreamTraffic(of: {
  readonly config: Pick<Config, 'limits' | 'transfers'>;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly log: Logger;
}): { readonly traffic: Traffic; readonly rates: AllowedRate } {
  const { config, clock, meter, log } = of;
  const { limits, transfers } = config;
  const rates = new RateSchedule(limits);
  const plainGets = meter.counter('plain_gets_total', 'GETs of small files by the thread of files', ['end']);
  const traffic = new Traffic({ rates, transfers, clock, meter, plainGets, log });
  meter
    .gauge('limit_bytes_per_second', 'Limit in force for what is taken from upstream; absent while there is none')
    .collect(() => {
      const { rate } = traffic.throttle.force;
      return rate === null ? [] : [[{}, rate]];
    });
  meter
    .gauge('background_paused', '1 while limits let background work begin nothing')
    .collect(() => [[{}, traffic.pause.now === null ? 0 : 1]]);
  meter.gauge('transfer_slots', 'Files that syncs may transfer at a time').collect(() => [[{}, transfers.total]]);
  meter
    .gauge('transfers_busy', 'Files on their way from upstream, by purpose', ['purpose'])
    .collect(() => fromFirst.map((purpose) => [{ purpose }, traffic.slots.busy[purpose]]));
  meter
    .gauge('transfers_waiting', 'Files that wait for a transfer slot, by purpose', ['purpose'])
    .collect(() => fromFirst.map((purpose) => [{ purpose }, traffic.slots.waiting[purpose]]));
  return { traffic, rates };
}
