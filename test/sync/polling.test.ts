import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Bench, refresh, repositoryOf, statusOf, synced, turns } from './bench.ts';

const one = { packages: { 'a-1.rpm': 'one' } };
const two = { packages: { 'a-2.rpm': 'two' } };
const repomd = '/a/repodata/repomd.xml';

describe('asking for a run', () => {
  test('while one is under way gives the next one, the same to all who ask', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const { set, gate, rule: slow } = await bench.stalled(repomd, { hub: bench.yum(['a']) });
    const running = set.runs()[0]?.id;
    const asked = set.start('vendor');
    expect(asked).not.toBe(running);
    expect(set.start('vendor')).toBe(asked);
    await turns();
    expect(set.run(asked)).toMatchObject({ state: 'planned', finished: null });
    const made = putRepository(bench.origin, 'a', two);
    slow.remove();
    gate.open();
    expect(await set.finished(asked)).toMatchObject({ state: 'done' });
    expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(digestOf(made.repomd));
    expect(set.start('vendor')).not.toBe(asked);
  });

  test('takes no earlier answer for granted', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a']) });
    bench.clock.advance(3 * refresh);
    await synced(set);
    await synced(set);
    const answers = bench.origin.requests.filter(({ path }) => path === repomd).map((asked) => asked.status);
    expect(answers.slice(-2)).toEqual([200, 200]);
  });

  test('of an unknown subscription, or waiting for an unknown run, is refused', async () => {
    const bench = await Bench.start();
    const set = await bench.open({ hub: bench.yum([]) });
    expect(() => set.start('nobody')).toThrow(expect.objectContaining({ code: 'unknown_subscription' }));
    await expect(set.generations('nobody')).rejects.toMatchObject({ code: 'unknown_subscription' });
    await expect(set.finished('nothing')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('who waits may leave', async () => {
    const bench = await Bench.start();
    const set = await bench.open({ hub: bench.yum(['a']) });
    const leave = new AbortController();
    const waiting = set.finished(set.start('vendor'), leave.signal);
    leave.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });

  test('counts repositories and files while it runs', async () => {
    const bench = await Bench.start();
    const made = putRepository(bench.origin, 'a', one);
    const { set, gate } = await bench.stalled(`/a/${made.records[0]?.href}`, { hub: bench.yum(['a', 'b']) });
    const bytes = made.records.reduce((sum, record) => sum + record.bytes.length, 0);
    expect(set.runs()[0]).toMatchObject({
      state: 'running',
      finished: null,
      phases: [
        { name: 'repositories', total: 2 },
        { name: 'metadata', total: 2, totalBytes: bytes },
      ],
    });
    expect((await statusOf(set)).sync).toMatchObject({ id: set.runs()[0]?.id, state: 'running' });
    gate.open();
    await bench.store.until(() => set.runs()[0]?.finished !== null);
    expect(set.runs()[0]?.phases).toMatchObject([{ done: 2 }, { done: 2, bytes }]);
  });
});

describe('an outage', () => {
  test('is told from the first failed read on, and over within 5 s of its end', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a']) });
    const generation = bench.store.current('vendor');
    await bench.origin.stop();
    bench.clock.advance(refresh);
    await bench.store.until(async () => (await statusOf(set)).state === 'disconnected');
    expect(await statusOf(set)).toMatchObject({
      generation: generation?.id,
      checked: '2026-11-23T10:15:00.000Z',
      hub: { state: 'disconnected', error: { code: expect.stringMatching(/^upstream_/) } },
    });
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'behind', since: '2026-11-23T10:30:00.000Z' });
    const made = putRepository(bench.origin, 'a', two);
    await bench.origin.resume();
    // The breaker of the upstream finds out by itself; each retry is due within 4 s of this clock.
    const arrived = (): boolean => bench.store.kept('vendor').length === 2;
    const published = bench.store.until(arrived);
    while (!arrived()) {
      await Promise.race([published, bench.clock.sleeping(0, 4000)]);
      if (!arrived()) bench.clock.advance(4000);
    }
    expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(digestOf(made.repomd));
  });

  test('of one repository does not make the others be asked more often', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']) });
    for (let round = 0; round < 3; round++) {
      const asked = bench.origin.count('/b/repodata/repomd.xml');
      await bench.clock.sleeping(0, 20_000);
      bench.clock.advance(20_000);
      await bench.origin.requested('/b/repodata/repomd.xml', asked + 1);
    }
    expect(bench.origin.count(repomd)).toBe(1);
    expect(set.runs().filter(({ finished }) => finished !== null).length).toBeLessThanOrEqual(2);
  });

  test('at the start serves what was published before, and says since when it fails', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    await (await bench.run({ hub: bench.yum(['a']) })).stop();
    bench.origin.on(/./, status(404));
    const second = await bench.open({ hub: bench.yum(['a']) });
    bench.clock.advance(60_000);
    await (async () => {
      second.begin();
      await synced(second);
      await second.stop();
    })();
    bench.clock.advance(60_000);
    const third = await bench.open({ hub: bench.yum(['a']) });
    expect(await statusOf(third)).toMatchObject({
      state: 'disconnected',
      generation: bench.store.current('vendor')?.id,
    });
    expect(third.runs().length).toBeGreaterThan(0);
    third.begin();
    await synced(third);
    expect(await repositoryOf(third, 'a')).toMatchObject({ state: 'behind', since: '2026-11-23T10:16:00.000Z' });
  });
});

test('one slow repository does not keep the others from their next poll', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const slow = putRepository(bench.origin, 'b', two);
  const { gate } = await bench.stalled(`/b/${slow.records[0]?.href}`, { hub: bench.yum(['a', 'b']) });
  await bench.clock.sleeping(refresh * 0.9, refresh * 1.1);
  bench.clock.advance(refresh * 1.1);
  await bench.origin.requested(repomd, 2);
  expect(bench.origin.count('/b/repodata/repomd.xml')).toBe(1);
  gate.open();
});

test('a store that cannot take a generation fails the run by name, and gets it soon after', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  bench.store.refuse(new WaystationError('disk_full', 'no space left'));
  const set = await bench.run({ hub: bench.yum(['a']) });
  expect(set.runs()[0]).toMatchObject({ state: 'failed', failures: [{ path: 'vendor', code: 'disk_full' }] });
  bench.store.refuse(null);
  await bench.clock.sleeping(0, 3000);
  bench.clock.advance(3000);
  await bench.store.until(() => bench.store.current('vendor') !== null);
});

test('stopping ends what is under way as cancelled, and nothing begins after it', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const { set } = await bench.stalled(repomd, { hub: bench.yum(['a']) });
  const asked = set.start('vendor');
  await set.stop();
  expect(set.runs().map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
  expect(await set.finished(asked)).toMatchObject({ state: 'cancelled' });
  expect(() => set.start('vendor')).toThrow(expect.objectContaining({ code: 'draining' }));
});

test('the last runs outlive a restart', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const set = await bench.run({ hub: bench.yum(['a']) });
  const run = await synced(set);
  await set.stop();
  const later = await bench.open({ hub: bench.yum(['a']) });
  expect(later.run(run.id)).toEqual(run);
  expect(await later.finished(run.id)).toEqual(run);
});
