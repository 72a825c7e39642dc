import { describe, expect, test } from 'vitest';
import { Gate, hang } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench, refresh, repositoryOf, statusOf, synced, turns } from './bench.ts';

const one = { packages: { 'a-1.rpm': 'one' } };
const full = { policy: 'full' as const, policyOf: () => 'full' as const };
const repomd = '/a/repodata/repomd.xml';

/** How many of the origin's requests were for each package. */
function fetched(bench: Bench): Record<string, number> {
  const paths = bench.origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
  return Object.fromEntries([...Map.groupBy(paths, (path) => path)].map(([path, all]) => [path, all.length]));
}

describe('calling off', () => {
  test('a run ends it as cancelled, keeps what it fetched, and begins no other before the next poll', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: { 'p/1.rpm': 'one', 'p/2.rpm': 'second' } });
    const { set, gate, rule: slow } = await bench.stalled('/a/p/2.rpm', { hub: bench.yum(['a']), ...full });
    const [run] = set.active();
    while (run?.status().phases.find(({ name }) => name === 'packages')?.done !== 1) await turns();
    expect(await set.cancel(run.id)).toBe(true);
    expect(set.run(run.id)).toMatchObject({ state: 'cancelled', reason: 'requested', failures: [] });
    expect((await statusOf(set)).sync).toMatchObject({ id: null, state: 'idle', error: null });
    slow.remove();
    gate.open();
    await turns();
    expect(set.runs()).toHaveLength(1);
    await bench.clock.sleeping(refresh * 0.9, refresh * 1.1);
    bench.clock.advance(refresh * 1.1);
    await bench.store.until(() => set.runs()[0]?.state === 'done');
    expect(fetched(bench)).toEqual({ '/a/p/1.rpm': 1, '/a/p/2.rpm': 2 });
    expect(await set.cancel(run.id)).toBe(false);
  });

  test('tells the store which packages of an unpublished generation it has begun to fetch', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a']), ...full });
    putRepository(bench.origin, 'a', { packages: { 'a-1.rpm': 'one', 'a-2.rpm': 'two' } });
    const gate = new Gate();
    bench.origin.on('/a/a-2.rpm', hang(gate));
    const id = set.start('vendor');
    await gate.reached;
    bench.store.events.length = 0;
    await set.cancel(id);
    expect(bench.store.events).toEqual(['run of vendor ends with a, having begun a']);
    gate.open();
  });

  test('a run that waits for another ends it at once, and not the other', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const { set, gate } = await bench.stalled(repomd, { hub: bench.yum(['a']) });
    const asked = set.start('vendor');
    expect(await set.cancel(asked)).toBe(true);
    expect(set.run(asked)).toMatchObject({ state: 'cancelled', reason: 'requested' });
    expect(set.active().map(({ state }) => state)).toEqual(['running']);
    expect(set.start('vendor')).not.toBe(asked);
    gate.open();
  });

  test('one that nobody knows is refused', async () => {
    const bench = await Bench.start();
    const set = await bench.open({ hub: bench.yum([]) });
    await expect(set.cancel('nosuch')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('what failed', () => {
  test('is named while the run goes on, with its tries in a row, and when it is tried next once that is known', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: { 'p/lost.rpm': 'lost', 'p/slow.rpm': 'slower' } });
    bench.origin.remove('a/p/lost.rpm');
    const { set, gate, rule: slow } = await bench.stalled('/a/p/slow.rpm', { hub: bench.yum(['a']), ...full });
    while (set.active()[0]?.failures.count !== 1) await turns();
    const path = 'a/p/lost.rpm';
    expect(set.runs()[0]).toMatchObject({ failureCount: 1, failures: [{ path, attempts: 1, nextTry: null }] });
    expect((await statusOf(set)).sync).toMatchObject({ state: 'running', phase: 'packages', percent: 0, failed: 1 });
    slow.remove();
    gate.open();
    await bench.store.until(() => set.runs()[0]?.finished !== null);
    const [lost, whole] = set.runs()[0]?.failures ?? [];
    expect([lost?.path, whole?.path]).toEqual([path, 'a']);
    expect(lost?.nextTry).toBe(whole?.nextTry);
    expect(Date.parse(lost?.nextTry ?? '')).toBeGreaterThan(bench.clock.now());
    expect((await synced(set)).failures).toMatchObject([
      { path, attempts: 2 },
      { path: 'a', attempts: 2 },
    ]);
    bench.origin.put(path, Buffer.from('lost'));
    expect((await synced(set)).failures).toEqual([]);
    bench.origin.remove(path);
  });

  test('and waits for its next try is tried at once when somebody asks, beside a run under way', async () => {
    const bench = await Bench.start();
    const slow = putRepository(bench.origin, 'b', { packages: { 'b-1.rpm': 'two' } });
    const { set, gate } = await bench.stalled(`/b/${slow.records[0]?.href}`, { hub: bench.yum(['a', 'b']) });
    while ((await repositoryOf(set, 'a')).reason === 'not read yet') await turns();
    putRepository(bench.origin, 'a', one);
    const asked = set.start('vendor');
    await bench.store.until(() =>
      set.runs().some(({ state, phases }) => state !== 'planned' && phases[0]?.total === 1),
    );
    while ((await repositoryOf(set, 'a')).reason?.includes('upstream_missing')) await turns();
    expect(set.run(asked)?.state).toBe('planned');
    gate.open();
    expect((await set.finished(asked)).state).toBe('done');
  });
});

describe('a forced repository', () => {
  test('is proven again, metadata and packages, and no other with it', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', { packages: { 'b-1.rpm': 'two' } });
    const set = await bench.run({ hub: bench.yum(['a', 'b']), ...full });
    expect(bench.proven).toEqual([]);
    expect(await set.finished(set.start('vendor', ['a']))).toMatchObject({ state: 'done' });
    expect(bench.proven).toEqual(['a metadata', 'a packages']);
    await synced(set);
    expect(bench.proven).toHaveLength(2);
  });

  test('of a run that waits is forced with it; an unknown one starts nothing', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.open({ hub: bench.yum(['a']) });
    expect(() => set.start('vendor', ['nosuch'])).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(set.runs()).toEqual([]);
    const plain = set.start('vendor');
    expect(set.start('vendor', ['a'])).toBe(plain);
    set.begin();
    await set.finished(plain);
    // Nothing of it was held before: there is nothing to read again but by its policy, which wants nothing.
    expect(bench.proven).toEqual([]);
  });
});

test('runs that a kill interrupted are told as such by the next process, with how far they were', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/1.rpm': 'one', 'p/2.rpm': 'second' } });
  const { set, gate } = await bench.stalled('/a/p/2.rpm', { hub: bench.yum(['a']), ...full });
  while (
    set
      .active()[0]
      ?.status()
      .phases.find(({ name }) => name === 'packages')?.done !== 1
  )
    await turns();
  const planned = set.start('vendor');
  const [running] = set.runs().filter(({ state }) => state === 'running');
  await turns();
  const early = await bench.open({ hub: bench.yum(['a']), ...full });
  expect(early.run(running?.id ?? '')).toMatchObject({ state: 'failed', reason: 'interrupted' });
  set.noteProgress();
  await turns();
  const after = await bench.open({ hub: bench.yum(['a']), ...full });
  expect(after.run(running?.id ?? '')).toMatchObject({ state: 'failed', reason: 'interrupted', kind: 'full' });
  expect(after.run(running?.id ?? '')?.phases).toEqual(running?.phases);
  expect(after.run(planned)).toMatchObject({ state: 'cancelled', reason: 'interrupted' });
  expect(after.active()).toEqual([]);
  expect((await statusOf(after)).sync).toMatchObject({ state: 'idle', error: { code: 'cancelled' } });
  gate.open();
});

test('the last success is when nothing was wrong, and outlives a restart', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const set = await bench.run({ hub: bench.yum(['a', 'b']) });
  expect((await statusOf(set)).sync.lastSuccess).toBeNull();
  expect(set.contacts()[0]?.succeeded).toBeNull();
  putRepository(bench.origin, 'b', one);
  await synced(set);
  await set.stop();
  const at = '2026-11-23T10:15:00.000Z';
  const later = await bench.open({ hub: bench.yum(['a', 'b']) });
  expect((await statusOf(later)).sync.lastSuccess).toBe(at);
});

test('a run that ends before anything was read is no success', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const { set, gate } = await bench.stalled(repomd, { hub: bench.yum(['a']) });
  // The next look at the hub finds nothing to read that is not being read.
  while (set.runs()[0]?.state !== 'done') await bench.clock.step(refresh * 0.3);
  expect(set.active()).toHaveLength(1);
  expect((await statusOf(set)).sync.lastSuccess).toBeNull();
  gate.open();
  while (set.active().length > 0) await turns();
  expect((await statusOf(set)).sync.lastSuccess).not.toBeNull();
});
