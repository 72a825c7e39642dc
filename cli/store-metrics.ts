import type { Meter } from '../base/metrics.ts';
import type { CacheState } from '../base/status.ts';
import type { Store } from '../cache/store.ts';
import type { ConfirmedClock } from '../cache/upkeep/clock-confidence.ts';

const states: readonly CacheState[] = ['ok', 'full', 'read-only', 'failing'];

/** `waystation_cache_*` (contract): read at each scrape. */
export function measureStore(store: Store, meter: Meter): void {
  meter.gauge('cache_bytes', 'Bytes of held files and of parts').collect(() => [[{}, store.space.used]]);
  meter.gauge('cache_max_bytes', 'Bytes that held files and parts may take').collect(() => [[{}, store.space.max]]);
  meter
    .gauge('cache_state', 'State of the cache: 1 for the one that holds', ['state'])
    .collect(() => states.map((state) => [{ state }, store.space.state === state ? 1 : 0]));
  meter
    .gauge('cache_pinned_bytes', 'Bytes of held files that must not be evicted')
    .collect(() => [[{}, store.usage.pinned]]);
  meter
    .gauge('cache_evictable_bytes', 'Bytes of held files that may be evicted to make room')
    .collect(() => [[{}, store.usage.evictable]]);
  meter
    .gauge('cache_next_age_seconds', 'Since when nobody needed what is evicted next; absent while nothing may be')
    .collect(() => {
      const { next } = store;
      return next === null ? [] : [[{}, Math.max(0, Date.now() / 1000 - next.since)]];
    });
  meter.gauge('fills_active', 'Transfers from upstream that are under way').collect(() => [[{}, store.fills.active]]);
  meter
    .gauge(
      'index_in_memory',
      '1 while the disk does not keep the index of notes: what is new in it ends with the process',
    )
    .collect(() => [[{}, store.notes.inMemory ? 1 : 0]]);
}

/** Whether anything may be retired by age. */
export function measureClock(clock: ConfirmedClock, meter: Meter): void {
  meter
    .gauge('clock_confirmed', 'Whether an upstream agrees with the clock: 0 retires no generation')
    .collect(() => [[{}, clock.confirmed ? 1 : 0]]);
}
