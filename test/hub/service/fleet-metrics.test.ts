import { expect, test } from 'vitest';
import { prometheus } from '../../../cli/prometheus.ts';
import { measureFleet } from '../../../hub/admin/fleet-metrics.ts';
import type { PopStanding } from '../../../hub/service/ports.ts';
import { StandingClock } from '../../support/standing-clock.ts';

test('metrics say how each PoP stands, by one look at the fleet a scrape', async () => {
  const clock = new StandingClock();
  const seen = new Date(clock.now() - 90_000).toISOString();
  const traffic = { requests: 10, hits: 9, bytes: 1_000, upstreamBytes: 100 };
  const cache = { state: 'ok', bytes: 5, max: 50, free: 45 };
  const certificateEnds = new Date(clock.now() + 3_600_000).toISOString();
  const common = { labels: {}, version: '0.1.0', certificateEnds, traffic, cache };
  const channel = { channel: 'prod', snapshot: 'week-1', complete: false, errors: 2, behind: true };
  const standings: PopStanding[] = [
    { ...common, id: '1', name: 'lyon', state: 'late', lastSeen: seen, channels: [channel] },
    { ...common, id: '2', name: 'oslo', state: 'registered', lastSeen: null, channels: [], traffic: null, cache: null },
    { ...common, id: '3', name: 'old', state: 'revoked', lastSeen: seen, channels: [channel] },
  ];
  let looks = 0;
  const meter = prometheus({ prefix: 'waystation_hub_' });
  measureFleet({ pops: async () => (looks++, standings) }, meter, clock);
  const { body } = await meter.render();
  expect(looks).toBe(1);
  for (const line of [
    'waystation_hub_pops{state="late"} 1',
    'waystation_hub_pops{state="revoked"} 1',
    'waystation_hub_pop_state{pop="lyon",state="late"} 1',
    'waystation_hub_pop_state{pop="oslo",state="registered"} 1',
    'waystation_hub_pop_last_seen_seconds{pop="lyon"} 90',
    'waystation_hub_pop_channel_behind{pop="lyon",channel="prod"} 1',
    'waystation_hub_pop_channel_complete{pop="lyon",channel="prod"} 0',
    'waystation_hub_pop_channel_errors{pop="lyon",channel="prod"} 2',
    'waystation_hub_pop_certificate_seconds_left{pop="oslo"} 3600',
    'waystation_hub_pop_requests{pop="lyon"} 10',
    'waystation_hub_pop_hits{pop="lyon"} 9',
    'waystation_hub_pop_response_bytes{pop="lyon"} 1000',
    'waystation_hub_pop_upstream_bytes{pop="lyon"} 100',
    'waystation_hub_pop_cache_bytes{pop="lyon"} 5',
    'waystation_hub_pop_cache_max_bytes{pop="lyon"} 50',
    'waystation_hub_pop_version{pop="lyon",version="0.1.0"} 1',
  ])
    expect(body).toContain(line);
  expect(body).not.toMatch(/pop="old"|(last_seen_seconds|requests|cache_bytes)\{pop="oslo"/);
  clock.advance(2_000);
  standings.length = 0;
  expect((await meter.render()).body).not.toContain('lyon');
});
