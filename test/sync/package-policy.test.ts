import { expect, test } from 'vitest';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench, repositoryOf, synced } from './bench.ts';

const full = () => 'full' as const;

/** How many of the origin's requests were for packages. */
function fetched(bench: Bench): string[] {
  return bench.origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
}

test('policy full fetches every package once, and none again when nothing changed', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two', 'p/empty.rpm': '' } });
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  expect(fetched(bench).toSorted()).toEqual(expect.arrayContaining(['/a/p/one.rpm', '/a/p/two.rpm']));
  const before = fetched(bench).length;
  const run = await synced(set);
  expect(run.state).toBe('done');
  expect(run.kind).toBe('full');
  expect(run.phases.find(({ name }) => name === 'packages')).toMatchObject({
    done: 3,
    total: 3,
    bytes: 6,
    totalBytes: 6,
  });
  expect(fetched(bench).length).toBe(before);
});

test('a package that cannot be had is named in the run, and the others are fetched all the same', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/lost.rpm': 'lost', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/lost.rpm');
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  const run = set.runs()[0];
  expect(run?.state).toBe('failed');
  expect(run?.failures.map(({ path, code }) => [path, code])).toContainEqual(['a/p/lost.rpm', 'upstream_missing']);
  // Its first generation is served at once, and status says what is wrong with it.
  expect(bench.store.current('vendor')?.repositories['a']).toBeDefined();
  expect(await repositoryOf(set, 'a')).toMatchObject({
    state: 'behind',
    reason: expect.stringContaining('1 of 3 packages are missing'),
  });
  expect(new Set(fetched(bench))).toContain('/a/p/two.rpm');
});

test('a later generation is published only when all of its packages are held', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  const first = bench.store.current('vendor')?.id;
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/two.rpm');
  expect((await synced(set)).state).toBe('failed');
  expect(bench.store.current('vendor')?.id).toBe(first);
  bench.origin.put('a/p/two.rpm', Buffer.from('two'));
  expect((await synced(set)).state).toBe('done');
  expect(bench.store.current('vendor')?.id).not.toBe(first);
});

test('a run that was interrupted goes on with what is missing', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/two.rpm');
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  await set.stop();
  bench.origin.put('a/p/two.rpm', Buffer.from('two'));
  const ones = fetched(bench).filter((path) => path.endsWith('one.rpm')).length;
  const again = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  expect(again.runs()[0]?.state).toBe('done');
  expect(fetched(bench).filter((path) => path.endsWith('one.rpm')).length).toBe(ones);
});

test('the policy of a path may differ from its subscription', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  putRepository(bench.origin, 'b', { packages: { 'p/two.rpm': 'two' } });
  await bench.run({ hub: bench.yum(['a', 'b']), policyOf: (path) => (path === 'b' ? 'full' : 'on-demand') });
  expect(fetched(bench)).toEqual(['/b/p/two.rpm']);
});
