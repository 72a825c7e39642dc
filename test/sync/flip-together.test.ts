import { expect, test, vi } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { Gate, hang } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench, ListingHub, repositoryOf, synced, turns } from './bench.ts';

const one = { packages: { 'a-1.rpm': 'one' } };
const two = { packages: { 'a-2.rpm': 'two' } };

test('a first generation serves when all metadata is proven, before the packages of its policy are held', async () => {
  const bench = await Bench.start();
  const made = putRepository(bench.origin, 'a', one);
  putRepository(bench.origin, 'b', one);
  const gate = new Gate();
  bench.origin.on(/\.rpm$/, hang(gate));
  const hub = bench.yum(['a', 'b']);
  const set = await bench.open({ hub, flip: 'together', policy: 'full', policyOf: () => 'full' });
  set.begin();
  await gate.reached;
  await vi.waitFor(() => {
    bench.clock.advance(1000);
    expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(digestOf(made.repomd));
  });
  expect(set.runs()[0]?.finished).toBeNull();
  gate.open();
  await vi.waitFor(() => expect(set.runs()[0]?.state).toBe('done'));
  expect(bench.store.kept('vendor')).toHaveLength(1);
});

test('a later one waits for them', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const hub = bench.yum(['a']);
  const set = await bench.run({ hub, flip: 'together', policy: 'full', policyOf: () => 'full' });
  putRepository(bench.origin, 'a', two);
  const gate = new Gate();
  bench.origin.on(/\.rpm$/, hang(gate));
  const run = synced(set);
  await gate.reached;
  bench.clock.advance(1000);
  await turns();
  expect(bench.store.kept('vendor')).toHaveLength(1);
  gate.open();
  await run;
  expect(bench.store.kept('vendor')).toHaveLength(2);
});

test('a run that is called off leaves nothing that is half of one and half of the other', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  putRepository(bench.origin, 'b', one);
  const hub = new ListingHub([bench.wanted('a'), bench.wanted('b')]);
  const set = await bench.run({ hub, flip: 'together' });
  const before = bench.store.current('vendor');
  putRepository(bench.origin, 'a', two);
  putRepository(bench.origin, 'b', two);
  const gate = new Gate();
  bench.origin.on('/b/repodata/repomd.xml', hang(gate));
  const run = set.start('vendor');
  await gate.reached;
  await vi.waitFor(() => expect(set.runs()[0]?.phases[0]).toMatchObject({ done: 1, total: 2 }));
  await set.cancel(run);
  // The list of the hub was taken over less than a second ago, and what it changes is about to be published.
  bench.clock.advance(1000);
  await turns();
  expect(bench.store.current('vendor')).toBe(before);
  expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'behind', reason: expect.stringContaining('b') });
  gate.open();
  await synced(set);
  expect(bench.store.kept('vendor')).toHaveLength(2);
});
