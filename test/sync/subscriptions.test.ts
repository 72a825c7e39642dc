import { describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { anonymous } from '../../mirror/scope.ts';
import { flippedAt, Gate, hang, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { treeinfoText } from '../support/treeinfo-text.ts';
import { Bench, ListingHub, refresh, repositoryOf, statusOf, synced, turns } from './bench.ts';

const one = { packages: { 'a-1.rpm': 'one' } };
const two = { packages: { 'a-2.rpm': 'two' } };
const guard = { kind: 'rbac', name: 'readers' };

test('a subscription is read at once and published, and its status says so', async () => {
  const bench = await Bench.start();
  const made = putRepository(bench.origin, 'a', one);
  const set = await bench.run({ hub: bench.yum(['a']) });
  const generation = bench.store.current('vendor');
  expect(generation?.id).toMatch(/^20261123T101500Z-[0-9a-f]{8}$/);
  expect(await statusOf(set)).toEqual({
    name: 'vendor',
    state: 'connected',
    rolledBack: null,
    policy: 'on-demand',
    flip: 'each',
    generation: generation?.id,
    published: '2026-11-23T10:15:00.000Z',
    checked: '2026-11-23T10:15:00.000Z',
    hub: { type: 'yum', url: null, state: 'connected', lastContact: '2026-11-23T10:15:00.000Z', error: null },
    sync: {
      id: null,
      state: 'idle',
      kind: 'on-demand',
      phase: null,
      percent: null,
      secondsLeft: null,
      paused: null,
      failed: 0,
      lastSuccess: '2026-11-23T10:15:00.000Z',
      error: null,
    },
    repositories: [
      {
        path: 'a',
        policy: 'on-demand',
        content: 'rpm',
        state: 'current',
        reason: null,
        since: '2026-11-23T10:15:00.000Z',
        repomd: digestOf(made.repomd),
        packages: { listed: 1, held: 0, unservable: 0 },
        bytes: { listed: 3, held: 0 },
        tree: null,
      },
    ],
  });
  expect(await set.generations('vendor')).toEqual([
    {
      id: generation?.id,
      subscription: 'vendor',
      created: '2026-11-23T10:15:00.000Z',
      current: true,
      pinned: false,
      rolledBack: false,
      hubVersion: null,
      repositories: { a: { repomd: digestOf(made.repomd) } },
      packages: { listed: 1, held: 0 },
      bytes: { listed: 3, held: 0 },
    },
  ]);
});

test('what a run counts on is kept from before it reads until what it proved is published', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  putRepository(bench.origin, 'b', one);
  const set = await bench.run({ hub: bench.yum(['a', 'b']) });
  putRepository(bench.origin, 'a', two);
  bench.store.refuse(new WaystationError('disk_full', 'no room'));
  await synced(set);
  bench.store.refuse(null);
  await synced(set);
  expect(bench.store.events).toEqual([
    'run of vendor begins',
    'vendor published',
    'run of vendor ends with a,b',
    'run of vendor begins',
    // Proven, though not published: it may come without another read.
    'run of vendor ends with a,b',
    'run of vendor begins',
    'vendor published',
    'run of vendor ends with a,b',
  ]);
});

test('a run that changes nothing makes no generation', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  const set = await bench.run({ hub: bench.yum(['a']) });
  expect(await synced(set)).toMatchObject({ state: 'done', failures: [] });
  expect(bench.store.kept('vendor')).toHaveLength(1);
});

test('a change is published by the next poll, and what was before it stays', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  await bench.run({ hub: bench.yum(['a']) });
  const made = putRepository(bench.origin, 'a', two);
  bench.clock.advance(refresh);
  await bench.store.until(() => bench.store.kept('vendor').length === 2);
  expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(digestOf(made.repomd));
});

test('the poll waits for the refresh', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  await bench.run({ hub: bench.yum(['a']) });
  await bench.clock.sleeping(refresh * 0.9, refresh * 1.1);
  expect(bench.origin.count('/a/repodata/repomd.xml')).toBe(1);
});

describe('flip each', () => {
  test('one that never succeeded is pending with its reason, and blocks nobody', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']) });
    expect(Object.keys(bench.store.current('vendor')?.repositories ?? {})).toEqual(['a']);
    expect(await repositoryOf(set, 'b')).toMatchObject({
      state: 'pending',
      reason: expect.stringMatching(/^upstream_missing: /),
      repomd: null,
    });
    expect(await statusOf(set)).toMatchObject({ state: 'degraded', hub: { state: 'connected' } });
    expect(set.runs()[0]).toMatchObject({
      state: 'failed',
      failures: [{ path: 'b', code: 'upstream_missing', attempts: 1, nextTry: '2026-11-23T10:15:02.000Z' }],
    });
  });

  test('one that fails keeps what it had and is behind since then; the others move on', async () => {
    const bench = await Bench.start();
    const old = putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', { packages: { 'b-1.rpm': 'one' } });
    const set = await bench.run({ hub: bench.yum(['a', 'b']) });
    const broken = putRepository(bench.origin, 'a', two);
    const made = putRepository(bench.origin, 'b', { packages: { 'b-2.rpm': 'two' } });
    const lie = bench.origin.on(`/a/${broken.records[0]?.href}`, flippedAt(12));
    bench.clock.advance(5000);
    expect(await synced(set)).toMatchObject({ state: 'failed', failures: [{ path: 'a', code: 'record_mismatch' }] });
    bench.clock.advance(1000);
    await synced(set);
    expect(await repositoryOf(set, 'a')).toMatchObject({
      state: 'behind',
      reason: expect.stringContaining('primary.xml.gz'),
      since: '2026-11-23T10:15:05.000Z',
      repomd: digestOf(old.repomd),
    });
    expect(await repositoryOf(set, 'b')).toMatchObject({ state: 'current', repomd: digestOf(made.repomd) });
    lie.remove();
    expect(await synced(set)).toMatchObject({ state: 'done' });
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'current', reason: null });
  });

  test('a proven one is published within a second though another one hangs', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const slow = putRepository(bench.origin, 'b', two);
    const { gate } = await bench.stalled(`/b/${slow.records[0]?.href}`, { hub: bench.yum(['a', 'b']) });
    const published = bench.store.until(() => bench.store.current('vendor') !== null);
    while (bench.store.current('vendor') === null) {
      await Promise.race([published, bench.clock.sleeping(1000, 1000)]);
      bench.clock.advance(1000);
    }
    expect(Object.keys(bench.store.current('vendor')?.repositories ?? {})).toEqual(['a']);
    gate.open();
    await bench.store.until(() => bench.store.current('vendor')?.repositories['b'] !== undefined);
  });

  test('changes of one poll share a generation', async () => {
    const bench = await Bench.start();
    const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const path of paths) putRepository(bench.origin, path, one);
    await bench.run({ hub: bench.yum(paths) });
    expect(bench.store.kept('vendor')).toHaveLength(1);
    expect(Object.keys(bench.store.current('vendor')?.repositories ?? {})).toHaveLength(6);
  });
});

describe('flip together', () => {
  test('one that fails blocks the rest, and status names it', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']), flip: 'together' });
    const first = bench.store.current('vendor');
    const made = putRepository(bench.origin, 'a', two);
    const down = bench.origin.on(/^\/b\//, status(404));
    await synced(set);
    expect(bench.store.current('vendor')).toBe(first);
    expect(await repositoryOf(set, 'a')).toMatchObject({
      state: 'behind',
      reason: expect.stringContaining('flips together with b'),
    });
    expect(await repositoryOf(set, 'b')).toMatchObject({ state: 'behind', reason: expect.stringContaining('404') });
    down.remove();
    const other = putRepository(bench.origin, 'b', two);
    await synced(set);
    expect(bench.store.kept('vendor')).toHaveLength(2);
    const repositories = bench.store.current('vendor')?.repositories;
    expect(repositories?.['a']?.repomd.digest).toBe(digestOf(made.repomd));
    expect(repositories?.['b']?.repomd.digest).toBe(digestOf(other.repomd));
  });

  test('nothing is published while a member is still being read', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']), flip: 'together' });
    putRepository(bench.origin, 'a', two);
    const gate = new Gate();
    bench.origin.on('/b/repodata/repomd.xml', hang(gate));
    const run = synced(set);
    await gate.reached;
    await vi.waitFor(() => expect(set.runs()[0]?.phases[0]).toMatchObject({ done: 1, total: 2 }));
    bench.clock.advance(1000);
    await turns();
    expect(bench.store.kept('vendor')).toHaveLength(1);
    gate.open();
    await run;
    expect(bench.store.kept('vendor')).toHaveLength(2);
  });

  test('nothing is published before every member was proven once', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']), flip: 'together' });
    expect(bench.store.current('vendor')).toBeNull();
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'pending', reason: expect.stringContaining('b') });
  });
});

describe('unhashed record names', () => {
  test('a change waits until no client was given the old repomd.xml for 5 s', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { ...one, simpleNames: true });
    putRepository(bench.origin, 'b', one);
    const set = await bench.run({ hub: bench.yum(['a', 'b']) });
    bench.store.served.set('a', bench.clock.monotonic());
    const made = putRepository(bench.origin, 'a', { ...two, simpleNames: true });
    putRepository(bench.origin, 'b', two);
    const run = synced(set);
    await bench.store.until(() => bench.store.kept('vendor').length === 2);
    await bench.clock.sleeping(4000, 5000);
    expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).not.toBe(digestOf(made.repomd));
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'behind', reason: expect.stringContaining('clients') });
    bench.clock.advance(5000);
    expect(await run).toMatchObject({ state: 'done' });
    expect(bench.store.current('vendor')?.repositories['a']?.repomd.digest).toBe(digestOf(made.repomd));
  });

  test('but not longer than a minute for a busy repository', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { ...one, simpleNames: true });
    const set = await bench.run({ hub: bench.yum(['a']) });
    putRepository(bench.origin, 'a', { ...two, simpleNames: true });
    bench.store.served.set('a', Infinity);
    const run = synced(set);
    await bench.clock.sleeping(59_000, 60_000);
    bench.clock.advance(60_000);
    await run;
    expect(bench.store.kept('vendor')).toHaveLength(2);
  });
});

describe('the files of an installation tree', () => {
  const put = (bench: Bench, letter: string): Digest => {
    const files = { 'images/install.img': `stage two ${letter}` };
    const treeinfo = treeinfoText({ files, variants: [] });
    putRepository(bench.origin, 'a', one);
    bench.origin.put('/a/.treeinfo', treeinfo);
    return digestOf(treeinfo);
  };
  const served = (bench: Bench): Digest | undefined =>
    bench.store.current('vendor')?.repositories['a']?.treeinfo?.digest;

  test('stay those of the .treeinfo that a client was given, until none was given it for 5 s', async () => {
    const bench = await Bench.start();
    const old = put(bench, 'a');
    const set = await bench.run({ hub: bench.yum(['a']) });
    const given = (): unknown => bench.store.served.set('a', bench.clock.monotonic());
    given();
    const newer = put(bench, 'b');
    const run = synced(set);
    await bench.clock.sleeping(4_000, 5_000);
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'behind', reason: expect.stringContaining('clients') });
    // Another installation begins: the five seconds begin anew.
    await bench.clock.step(4_000);
    given();
    await bench.clock.step(1_000);
    await bench.clock.sleeping(3_500, 4_000);
    expect([served(bench), bench.store.kept('vendor').length]).toEqual([old, 1]);
    bench.clock.advance(4_000);
    expect(await run).toMatchObject({ state: 'done' });
    expect(served(bench)).toBe(newer);
    expect(bench.store.kept('vendor')).toHaveLength(2);
  });

  test('but not longer than a minute, however many begin', async () => {
    const bench = await Bench.start();
    put(bench, 'a');
    const set = await bench.run({ hub: bench.yum(['a']) });
    bench.store.served.set('a', Infinity);
    const newer = put(bench, 'b');
    const run = synced(set);
    await bench.clock.sleeping(59_000, 60_000);
    bench.clock.advance(60_000);
    expect(await run).toMatchObject({ state: 'done' });
    expect(served(bench)).toBe(newer);
  });
});

describe('the hub and its list', () => {
  test('what left the list stays served as orphaned, also when the list is empty', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ hub });
    hub.list = [];
    bench.clock.advance(2000);
    await synced(set);
    expect(bench.store.kept('vendor')).toHaveLength(1);
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'orphaned', since: '2026-11-23T10:15:02.000Z' });
    expect(set.upstream('vendor', 'a')).toBeNull();
    hub.list = [bench.wanted('a')];
    await synced(set);
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'current' });
  });

  test('a hub that cannot be asked keeps its last list, which goes on being read', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ hub });
    hub.failure = new WaystationError('upstream_unauthorized', 'wrong password');
    putRepository(bench.origin, 'a', two);
    expect(await synced(set)).toMatchObject({
      state: 'failed',
      failures: [{ path: hub.url, code: 'upstream_unauthorized' }],
    });
    expect(bench.store.kept('vendor')).toHaveLength(2);
    expect((await statusOf(set)).hub).toMatchObject({ state: 'degraded', error: { code: 'upstream_unauthorized' } });
  });

  test('a new member is read in the run that discovers it', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ hub });
    hub.list = [bench.wanted('a'), bench.wanted('b')];
    await synced(set);
    expect(Object.keys(bench.store.current('vendor')?.repositories ?? {}).toSorted()).toEqual(['a', 'b']);
  });

  test('a guard that appears closes its path though nothing can be read any more, and opens nothing when it goes', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ hub });
    hub.list = [bench.wanted('a', { guard })];
    bench.origin.on(/^\/a\//, status(403));
    await synced(set);
    expect(bench.store.current('vendor')?.repositories['a']?.guard).toEqual(guard);
    expect(await repositoryOf(set, 'a')).toMatchObject({
      state: 'guarded',
      reason: expect.stringContaining('readers'),
    });
    hub.list = [bench.wanted('a')];
    bench.origin.clear();
    await synced(set);
    expect(bench.store.current('vendor')?.repositories['a']?.guard).toEqual(guard);
  });

  test('a guard that appears closes its path within a second, however long the reading takes', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ hub });
    // What the first run asked for is over before the guard appears.
    bench.clock.advance(1000);
    await turns();
    hub.list = [bench.wanted('a', { guard })];
    const gate = new Gate();
    bench.origin.on('/a/repodata/repomd.xml', hang(gate));
    const run = synced(set);
    await gate.reached;
    bench.clock.advance(1000);
    await bench.store.until(() => bench.store.current('vendor')?.repositories['a']?.guard !== null);
    gate.open();
    expect(await run).toMatchObject({ state: 'done' });
  });

  test('with an access rule a guarded repository is current', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const set = await bench.run({ hub: new ListingHub([bench.wanted('a', { guard })]), access: () => 'open' });
    expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'current' });
  });

  test('a path that another subscription has leaves the newcomer pending', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const corp = { name: 'corp', hub: new ListingHub([bench.wanted('a')]) };
    await (await bench.run(corp)).stop();
    const set = await bench.run({ name: 'vendor', hub: bench.yum(['a']) }, corp);
    expect(await repositoryOf(set, 'a', 'vendor')).toMatchObject({ state: 'pending', reason: 'path taken by corp' });
    expect(await repositoryOf(set, 'a', 'corp')).toMatchObject({ state: 'current' });
    expect(bench.store.current('vendor')).toBeNull();
    expect(set.runs().find((run) => run.subscription === 'vendor')?.failures).toMatchObject([
      { path: 'a', code: 'path_taken' },
    ]);
  });

  test('a path that a hub no longer lists is not given to another subscription', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    const hub = new ListingHub([bench.wanted('a')]);
    const set = await bench.run({ name: 'corp', hub }, { name: 'vendor', hub: new ListingHub([]) });
    hub.list = [];
    await synced(set, 'corp');
    await set.stop();
    const later = await bench.run({ name: 'corp', hub }, { name: 'vendor', hub: bench.yum(['a']) });
    await synced(later, 'vendor');
    expect(await repositoryOf(later, 'a', 'corp')).toMatchObject({ state: 'orphaned' });
    expect(await repositoryOf(later, 'a', 'vendor')).toMatchObject({ state: 'pending', reason: 'path taken by corp' });
  });

  test('a path that the operator moved to another subscription goes there without a gap', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', one);
    putRepository(bench.origin, 'b', one);
    await (await bench.run({ name: 'first', hub: bench.yum(['a', 'b']) })).stop();
    const { set, gate } = await bench.stalled(
      '/b/repodata/repomd.xml',
      { name: 'first', hub: bench.yum(['a']) },
      { name: 'second', hub: bench.yum(['b']) },
    );
    await synced(set, 'first');
    expect(bench.store.current('first')?.repositories['b']).toBeDefined();
    gate.open();
    await bench.store.until(() => bench.store.current('second')?.repositories['b'] !== undefined);
    await synced(set, 'first');
    expect(Object.keys(bench.store.current('first')?.repositories ?? {})).toEqual(['a']);
  });
});

test('credentials that are configured later guard the content and prove possession anew', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', one);
  await (await bench.run({ hub: bench.yum(['a']) })).stop();
  const set = await bench.run({ hub: bench.yum(['a'], { ...anonymous, username: 'me' }) });
  const guarded = bench.store.current('vendor')?.repositories['a'];
  expect(guarded).toMatchObject({
    guard: { kind: 'credentials', name: 'user me' },
    scope: expect.stringMatching(/^yum-/),
  });
  expect(await repositoryOf(set, 'a')).toMatchObject({ state: 'guarded' });
  await set.stop();
  await bench.run({ hub: bench.yum(['a']) });
  expect(bench.store.current('vendor')?.repositories['a']).toMatchObject({ guard: null, scope: 'open' });
  expect(bench.store.kept('vendor')).toHaveLength(3);
});
