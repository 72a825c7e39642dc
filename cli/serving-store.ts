import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Meter } from '../base/metrics.ts';
import { Store } from '../cache/store.ts';
import type { ClockConfidence } from '../cache/upkeep/clock-confidence.ts';
import type { Config } from '../config/config.ts';
import { bytesOf } from '../config/sizes.ts';
import { machineDisk } from '../disk/disk.ts';
import { plainGetProgram } from '../origin/plain/get-program.ts';
import { mapRemaker } from './remake-map.ts';
import { lockState } from './state-lock.ts';
import { upkeepRules } from './upkeep-rules.ts';

interface Around {
  readonly log: Logger;
  readonly meter: Meter;
  readonly confidence: ClockConfidence;
  /** Blobs are counted from then on. */
  readonly countAfter: Promise<void>;
}

/**
 * The store of a service that syncs: on a disk that can fetch.
 * @throws WaystationError when it cannot be used.
 */
export function openServingStore(config: Config, { log, meter, confidence, countAfter }: Around): Promise<Store> {
  const { max, keepFree } = config.cache;
  return Store.open({
    root: config.state,
    disk: machineDisk(plainGetProgram),
    limits: { max: (total) => bytesOf(max, total), keepFree: (total) => bytesOf(keepFree, total) },
    clock: systemClock,
    log,
    meter,
    rules: upkeepRules(config, confidence),
    lock: lockState,
    remakeMap: mapRemaker(log),
    countAfter,
  });
}
