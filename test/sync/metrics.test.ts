import { expect, test } from 'vitest';
import { silentMeter } from '../../base/metrics.ts';
import type { Gauge, Meter } from '../../base/metrics.ts';
import { measureSubscriptions } from '../../sync/subscription-metrics.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench } from './bench.ts';

test('age and reach of every subscription can be scraped, and one that never published has no age', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: {} });
  const set = await bench.run({ name: 'good', hub: bench.yum(['a']) }, { name: 'new', hub: bench.yum(['b']) });
  const readers = new Map<string, Parameters<Gauge['collect']>[0]>();
  const meter: Meter = {
    ...silentMeter,
    gauge: (name) => ({ set: () => {}, collect: (read) => void readers.set(name, read) }),
  };
  measureSubscriptions(set, meter, bench.clock);
  bench.clock.advance(1500);
  expect([...((await readers.get('generation_age_seconds')?.()) ?? [])]).toEqual([[{ subscription: 'good' }, 1.5]]);
  expect([...((await readers.get('upstream_up')?.()) ?? [])]).toEqual([
    [{ subscription: 'good' }, 1],
    [{ subscription: 'new' }, 1],
  ]);
  expect([...((await readers.get('generation_rolled_back')?.()) ?? [])]).toEqual([
    [{ subscription: 'good' }, 0],
    [{ subscription: 'new' }, 0],
  ]);
});
