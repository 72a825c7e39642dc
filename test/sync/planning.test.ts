import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { SubscriptionPlan } from '../../base/plan.ts';
import type { SubscriptionSet } from '../../sync/subscriptions.ts';
import { hang, stallAt } from '../support/faulty-origin-lies.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { nevraOfFile, putRepository } from '../support/hand-made-repository.ts';
import { treeinfoText } from '../support/treeinfo-text.ts';
import { Bench, ListingHub, repositoryOf, synced, turns } from './bench.ts';

const full = { policy: 'full', policyOf: () => 'full' as const } as const;
const silent = { expected: () => {}, done: () => {} };

function planned(set: SubscriptionSet, name = 'vendor'): Promise<SubscriptionPlan> {
  return set.plan(name, silent, new AbortController().signal);
}

/** Packages that were asked for. */
function fetched(bench: Bench): string[] {
  return bench.origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
}

test('a plan says what a sync then does, and a plan after it that nothing is left to do', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  const set = await bench.open({ hub: bench.yum(['a']), ...full });
  const before = await planned(set);
  expect(before.total.fetch).toEqual({ files: 2, bytes: 6, unsized: 0 });
  expect(before.room).toMatchObject({ needed: 6, fits: true });
  expect(before.repositories).toMatchObject([{ path: 'a', policy: 'full', served: null, error: null }]);
  expect(fetched(bench)).toEqual([]);
  set.begin();
  await bench.store.until(() => bench.store.current('vendor') !== null && set.runs()[0]?.finished !== null);
  expect(fetched(bench)).toHaveLength(before.total.fetch.files);
  const after = await planned(set);
  expect(after.total.fetch).toEqual({ files: 0, bytes: 0, unsized: 0 });
  expect(after.total.keep.files).toBe(before.total.fetch.files + before.total.keep.files);
  expect(after.read).toEqual({ files: 0, bytes: 0, unsized: 0 });
});

test('a plan publishes nothing, and what was planned is read again by the sync', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  const set = await bench.run({ hub: bench.yum(['a']) });
  const [first] = bench.store.kept('vendor');
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/new.rpm': 'new' } });
  const plan = await planned(set);
  expect(plan.repositories[0]?.upstream).not.toBe(plan.repositories[0]?.served);
  expect(plan.repositories[0]?.served).toBe(first?.repositories['a']?.repomd.digest);
  expect(bench.store.kept('vendor')).toHaveLength(1);
  expect((await repositoryOf(set, 'a')).repomd).toBe(first?.repositories['a']?.repomd.digest);
  await synced(set);
  expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(plan.repositories[0]?.upstream);
});

test('newest:N plans its packages, leaves the rest on demand, and retires what is listed no more', async () => {
  const bench = await Bench.start();
  const packages = { 'p/app-1-1.noarch.rpm': 'app one', 'p/app-2-1.noarch.rpm': 'app two' };
  putRepository(bench.origin, 'a', { packages, nevra: nevraOfFile });
  const set = await bench.run({ hub: bench.yum(['a']), policyOf: () => 'newest:1' });
  const later = { 'p/app-1-1.noarch.rpm': 'app one', 'p/app-3-1.noarch.rpm': 'app three' };
  putRepository(bench.origin, 'a', { packages: later, nevra: nevraOfFile });
  const { total } = await planned(set);
  expect([total.fetch, total.onDemand]).toEqual([
    { files: 1, bytes: 9, unsized: 0 },
    { files: 1, bytes: 7, unsized: 0 },
  ]);
  // The package, and the metadata that lists it.
  expect(total.retire.files).toBe(4);
});

test('bytes that another identity gave are counted as stored, and are fetched once for this one', async () => {
  const bench = await Bench.start();
  for (const path of ['a', 'b']) putRepository(bench.origin, path, { packages: { 'p/one.rpm': 'one' } });
  await bench.run({ hub: bench.yum(['a']), ...full });
  const hub = new ListingHub([bench.wanted('b', { scope: 'pulp-1' })]);
  const set = await bench.open({ name: 'corp', hub, ...full });
  const { total } = await planned(set, 'corp');
  expect([total.fetch, total.fetchStored]).toEqual([
    { files: 1, bytes: 3, unsized: 0 },
    { files: 1, bytes: 3, unsized: 0 },
  ]);
});

test('what another repository brought is kept, and counted as shared', async () => {
  const bench = await Bench.start();
  for (const path of ['a', 'b']) putRepository(bench.origin, path, { packages: { [`${path}.rpm`]: 'same' } });
  await bench.run({ hub: bench.yum(['a']), ...full });
  const set = await bench.open({ name: 'other', hub: bench.yum(['b']), ...full });
  const { total } = await planned(set, 'other');
  expect(total.fetch.files).toBe(0);
  expect(total.keepShared.bytes).toBeGreaterThanOrEqual(4);
});

test('what the hub denies is neither fetched nor missing, needs no room, and counts as done in the run', async () => {
  const bench = await Bench.start();
  bench.denied = (digest) => digest === digestOf('bad one');
  bench.stored.free = 3;
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/bad.rpm': 'bad one' } });
  const set = await bench.open({ hub: bench.yum(['a']), ...full });
  const { total, room } = await planned(set);
  expect([total.fetch, total.denied, total.onDemand, room.fits]).toEqual([
    { files: 1, bytes: 3, unsized: 0 },
    { files: 1, bytes: 7, unsized: 0 },
    { files: 0, bytes: 0, unsized: 0 },
    true,
  ]);
  set.begin();
  await bench.store.until(() => set.runs()[0]?.state === 'done');
  expect(fetched(bench)).toEqual(['/a/p/one.rpm']);
  expect(set.runs()[0]?.phases).toContainEqual(expect.objectContaining({ name: 'packages', done: 2, total: 2 }));
  const after = (await planned(set)).total;
  expect([after.fetch.files, after.denied.files]).toEqual([0, 1]);
});

test('a repository that cannot be read is named with the reason, and the others are planned', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  const set = await bench.open({ hub: bench.yum(['a', 'gone']), ...full });
  const { repositories, total } = await planned(set);
  expect(repositories.map(({ path, error }) => [path, error?.code])).toEqual([
    ['a', undefined],
    ['gone', 'upstream_missing'],
  ]);
  expect(total.fetch.files).toBe(1);
});

test('time follows from the allowed rate, and from what the last run had', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'x'.repeat(1000) } });
  const set = await bench.open({ hub: bench.yum(['a']), ...full });
  expect((await planned(set)).seconds).toEqual({ allowed: null, recent: null });
  // It is 10:15.
  bench.limits = [
    { rate: 100, during: null, timezone: 'UTC' },
    { rate: 1, during: { days: Array<boolean>(7).fill(true), from: 600, until: 616 }, timezone: 'UTC' },
  ];
  const { rate, seconds } = await planned(set);
  // 60 bytes in the minute that is left, then 100 a second.
  expect([rate.allowed, seconds.allowed]).toEqual([1, 70]);
});

test('time counts a pause of what is fetched ahead, and says that it waits', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'x'.repeat(1000) } });
  const set = await bench.open({ hub: bench.yum(['a']), ...full });
  // It is 10:15.
  const during = { days: Array<boolean>(7).fill(true), from: 600, until: 616 };
  const off = { rate: null, pausesBackground: true, during, timezone: 'UTC' };
  bench.limits = [off, { rate: 100, during: null, timezone: 'UTC' }];
  expect(await planned(set)).toMatchObject({
    paused: { until: '2026-11-23T10:16:00.000Z' },
    seconds: { allowed: 70, recent: null },
  });
  bench.limits = [{ ...off, during: { ...during, from: 0, until: 1440 } }];
  expect(await planned(set)).toMatchObject({ paused: { until: null }, seconds: { allowed: null } });
});

test('a stop ends a plan that an upstream keeps waiting', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: {} });
  const gate = new Gate();
  bench.origin.on('/a/repodata/repomd.xml', hang(gate));
  const set = await bench.open({ hub: bench.yum(['a']) });
  const plan = planned(set);
  await gate.reached;
  const stopped = expect(plan).rejects.toMatchObject({ code: 'cancelled' });
  await set.stop();
  await stopped;
  gate.open();
});

test('packages that do not fit are not fetched: the first generation serves on demand, a later one is not published', async () => {
  const bench = await Bench.start();
  bench.stored.free = 5;
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  const set = await bench.run({ hub: bench.yum(['a']), ...full });
  expect(fetched(bench)).toEqual([]);
  expect(set.runs()[0]?.failures).toMatchObject([
    { path: 'a', code: 'does_not_fit', reason: expect.stringMatching(/2 packages of 6 B .*cache\.max 5 B/) },
  ]);
  expect(await repositoryOf(set, 'a')).toMatchObject({
    state: 'behind',
    reason: expect.stringContaining('does_not_fit'),
  });
  const first = bench.store.current('vendor');
  expect(first?.repositories['a']?.map).toBeTypeOf('string');
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two', 'p/six.rpm': 'six' } });
  await synced(set);
  expect(bench.store.current('vendor')?.id).toBe(first?.id);
  bench.stored.free = 9;
  expect((await synced(set)).state).toBe('done');
  expect(fetched(bench)).toHaveLength(3);
});

test('of two repositories that do not fit together only one is fetched', async () => {
  const bench = await Bench.start();
  bench.stored.free = 10;
  for (const path of ['a', 'b']) putRepository(bench.origin, path, { packages: { 'one.rpm': `${path}-bytes` } });
  const gate = new Gate();
  bench.origin.on(/one\.rpm$/, stallAt(1, gate));
  const set = await bench.open({ hub: bench.yum(['a', 'b']), ...full });
  set.begin();
  await gate.reached;
  while (set.runs()[0]?.failures[0]?.code !== 'does_not_fit') await turns();
  gate.open();
  await bench.store.until(() => set.runs()[0]?.finished !== null);
  expect(fetched(bench)).toHaveLength(1);
  expect(bench.sink.scopesOf(digestOf('a-bytes')).length + bench.sink.scopesOf(digestOf('b-bytes')).length).toBe(1);
});

test('the images of an installation tree are planned as the policy takes them', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  const files = { 'images/boot.iso': 'boot', 'images/pxeboot/vmlinuz': 'kernel' };
  bench.origin.put('a/.treeinfo', Buffer.from(treeinfoText({ files, variants: [] })));
  for (const [href, text] of Object.entries(files)) bench.origin.put(`a/${href}`, Buffer.from(text));
  const later = await bench.open({ name: 'later', hub: bench.yum(['a']) });
  expect((await planned(later, 'later')).total).toMatchObject({
    fetch: { files: 0 },
    onDemand: { files: 3, bytes: 3, unsized: 2 },
  });
  await later.stop();
  const set = await bench.open({ hub: bench.yum(['a']), ...full });
  // `.treeinfo` says no sizes: they are not taken for files of no bytes.
  expect((await planned(set)).total.fetch).toEqual({ files: 3, bytes: 3, unsized: 2 });
  // Held by another identity: then its size is known.
  await bench.sink.keep('other', Buffer.from('boot'));
  const { total, room } = await planned(set);
  expect([total.fetch, total.fetchStored]).toEqual([
    { files: 3, bytes: 7, unsized: 1 },
    { files: 1, bytes: 4, unsized: 0 },
  ]);
  expect(room.needed).toBe(7);
  set.begin();
  await bench.store.until(() => set.runs()[0]?.state === 'done');
  const after = (await planned(set)).total;
  expect(after.fetch).toEqual({ files: 0, bytes: 0, unsized: 0 });
  expect(after.keep.unsized).toBe(0);
});
