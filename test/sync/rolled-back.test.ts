import { expect, test } from 'vitest';
import type { GenerationDocument } from '../../base/generation.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench, ListingHub, repositoryOf, statusOf, synced } from './bench.ts';

const since = '2026-11-23T10:20:00.000Z';

function currentOf({ store }: Bench): GenerationDocument {
  const current = store.current('vendor');
  if (current === null) throw new Error('nothing was published');
  return current;
}

test('a subscription that is rolled back publishes what is new once, and serves none of it before its release', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'a-1.rpm': 'one' } });
  const set = await bench.run({ hub: bench.yum(['a']) });
  const first = currentOf(bench);
  bench.store.hold('vendor', { id: first.id, since });
  expect((await repositoryOf(set, 'a')).state).toBe('current');
  putRepository(bench.origin, 'a', { packages: { 'a-2.rpm': 'two' } });
  bench.clock.advance(5_000);
  for (let run = 0; run < 3; run += 1) expect((await synced(set)).state).toBe('done');
  const newest = bench.store.newest('vendor');
  expect(bench.store.kept('vendor')).toEqual([newest, first]);
  expect(await statusOf(set)).toMatchObject({
    state: 'connected',
    generation: first.id,
    rolledBack: { since, newest: newest?.id },
    repositories: [
      {
        path: 'a',
        state: 'behind',
        reason: expect.stringContaining('waits for a release'),
        repomd: first.repositories['a']?.repomd.digest,
      },
    ],
  });
  bench.store.pinned.add(first.id);
  expect(await set.generations()).toMatchObject([
    { id: newest?.id, current: false, pinned: false, rolledBack: false },
    { id: first.id, current: true, pinned: true, rolledBack: true },
  ]);
  bench.store.hold('vendor', null);
  expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'current', reason: null });
  expect((await statusOf(set)).rolledBack).toBeNull();
});

test('a restart while rolled back goes on from the newest: nothing is published anew', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'a-1.rpm': 'one' } });
  const before = await bench.run({ hub: bench.yum(['a']) });
  bench.store.hold('vendor', { id: currentOf(bench).id, since });
  putRepository(bench.origin, 'a', { packages: { 'a-2.rpm': 'two' } });
  bench.clock.advance(5_000);
  await synced(before);
  await before.stop();
  const set = await bench.run({ hub: bench.yum(['a']) });
  expect(bench.store.kept('vendor')).toHaveLength(2);
  expect(set.contacts()).toMatchObject([{ name: 'vendor', rolledBack: true, created: currentOf(bench).created }]);
});

test('what the generation rolled back to does not have is pending, and what left the hub since is still known', async () => {
  const bench = await Bench.start();
  for (const path of ['a', 'b']) putRepository(bench.origin, path, { packages: {} });
  const hub = new ListingHub([bench.wanted('a')]);
  const set = await bench.run({ hub });
  const first = currentOf(bench);
  hub.list = [bench.wanted('a'), bench.wanted('b')];
  bench.clock.advance(5_000);
  await synced(set);
  bench.store.hold('vendor', { id: first.id, since });
  expect(await repositoryOf(set, 'b')).toMatchObject({
    state: 'pending',
    reason: 'not in the generation rolled back to',
  });
  hub.list = [bench.wanted('a')];
  await synced(set);
  bench.store.hold('vendor', null);
  expect(await repositoryOf(set, 'b')).toMatchObject({ state: 'orphaned' });
});
