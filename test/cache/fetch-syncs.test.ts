import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed } from '../support/scripted-loader.ts';
import { expectHeld, expectTidy, fetching, PlainLoader } from './fetching.ts';
import type { FetchingStore } from './fetching.ts';
import { file, idle } from './pieces.ts';

const patient = new AbortController().signal;
const { bytes, listed } = file(30_000);

function ensure(store: FetchingStore, loader: PlainLoader, signal = patient): Promise<void> {
  return store.sink.ensure('open', listed, loader, signal);
}

test('two syncs share one fetch, and each is told when the file is received', async () => {
  await using store = await fetching({ holds: ['beforeSync'] });
  const loaders = [new PlainLoader([]), new PlainLoader([]), new PlainLoader([])] as const;
  const first = ensure(store, loaders[0]);
  const second = ensure(store, loaders[1]);
  await store.fetching.fetch.bring(bytes);
  await store.fetching.beforeSync.reached;
  const late = ensure(store, loaders[2]);
  expect(loaders.map(({ told }) => told)).toEqual([['received'], ['received'], ['received']]);
  store.fetching.beforeSync.open();
  await Promise.all([first, second, late]);
  expect(store.fetching.fetches).toHaveLength(1);
  expect(loaders.flatMap(({ opened }) => opened)).toEqual([]);
  await expectHeld(store, listed);
});

test('a sync that joined one whose sources fail has its own asked', async () => {
  await using store = await fetching();
  const first = ensure(store, new PlainLoader([]));
  const own = new PlainLoader([]);
  const second = ensure(store, own);
  store.fetching.fetch.fail('missing');
  await expect(first).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(store.fetching.fetches).toHaveLength(2);
  await store.fetching.fetch.bring(bytes);
  await second;
  expect(own.opened).toEqual([]);
  await expectHeld(store, listed);
});

test('each scope has its own fetch', async () => {
  await using store = await fetching();
  const both = ['open', 'corp-1'].map((scope) => store.sink.ensure(scope, listed, new PlainLoader([]), patient));
  expect(new Set(store.fetching.fetches.map(({ path }) => path)).size).toBe(2);
  await Promise.all(store.fetching.fetches.map(async (fetch) => fetch.bring(bytes)));
  await Promise.all(both);
  await expectHeld(store, listed);
  expect(await store.blobs.holds('corp-1', listed)).toBe(true);
});

test.each(['comes', 'fails'] as const)(
  'a fetch that %s after its sync was called off brings the file all the same',
  async (how) => {
    await using store = await fetching();
    const off = new AbortController();
    const loader = new PlainLoader([{ bytes }]);
    const held = ensure(store, loader, off.signal);
    const reason = new WaystationError('cancelled', 'the run was cancelled');
    off.abort(reason);
    await expect(held).rejects.toBe(reason);
    expect(loader.told).toEqual(['done']);
    if (how === 'comes') await store.fetching.fetch.bring(bytes);
    else store.fetching.fetch.fail('late');
    await idle(store);
    await expectHeld(store, listed);
  },
);

test('a sync that joined and was called off is told once, whatever comes of the fill, and asks nobody', async () => {
  await using store = await fetching();
  const first = ensure(store, new PlainLoader([]));
  const off = new AbortController();
  const own = new PlainLoader([]);
  const second = ensure(store, own, off.signal);
  off.abort(new Error('called off'));
  await expect(second).rejects.toThrow('called off');
  store.fetching.fetch.fail('missing');
  await expect(first).rejects.toMatchObject({ code: 'upstream_unreachable' });
  // A rejection that nobody handles would fail the run.
  await idle(store);
  expect([own.opened, store.fetching.fetches.length]).toEqual([[], 1]);
});

test('a sync that was called off before it began fetches nothing', async () => {
  await using store = await fetching();
  await expect(ensure(store, new PlainLoader([]), AbortSignal.abort())).rejects.toThrow();
  expect([store.fetching.fetches, store.fills.active]).toEqual([[], 0]);
});

test('a file whose part is being worked on is transferred the ordinary way, once that is done', async () => {
  await using store = await fetching();
  const gate = new Gate();
  const working = store.fills.whileNoneOf({ scope: 'open', listed }, () => passed(gate));
  const loader = new PlainLoader([{ bytes }]);
  const held = ensure(store, loader);
  await gate.reached;
  expect([store.fetching.fetches, loader.opened]).toEqual([[], []]);
  gate.open();
  await Promise.all([working, held]);
  expect([store.fetching.fetches, loader.opened]).toEqual([[], [0]]);
  await expectHeld(store, listed);
});

test('a file that is being fetched is in use: its part is not worked on', async () => {
  await using store = await fetching();
  const held = ensure(store, new PlainLoader([]));
  expect(store.fills.uses({ scope: 'open', listed })).toBe(true);
  let isWorkedOn = false;
  await store.fills.whileNoneOf({ scope: 'open', listed }, async () => void (isWorkedOn = true));
  expect(isWorkedOn).toBe(false);
  await store.fetching.fetch.bring(bytes);
  await held;
});

describe('when the service stops', () => {
  test('fetches that hang are cut, and nothing is left of them', async () => {
    await using store = await fetching();
    const loaders = Array.from({ length: 5 }, () => new PlainLoader([], { before: new Gate() }));
    const held = loaders.map((loader) => store.sink.ensure('open', file(1000).listed, loader, patient));
    const settled = Promise.allSettled(held);
    expect(store.fetching.fetches).toHaveLength(5);
    await store.fills.close();
    expect(store.fetching.cuts).toBe(1);
    for (const end of await settled) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    expect([store.fills.active, store.space.used, store.space.reserved]).toEqual([0, 0, 0]);
    await expectTidy(store);
  });

  test('a file that comes before it can be cut is held', async () => {
    await using store = await fetching();
    store.fetching.onCut = (fetch) => void fetch.bring(bytes);
    const held = ensure(store, new PlainLoader([]));
    await store.fills.close();
    await held;
    await expectHeld(store, listed);
  });

  test('a file that is to get its name gets it first', async () => {
    await using store = await fetching({ holds: ['beforeName'] });
    const held = ensure(store, new PlainLoader([]));
    await store.fetching.fetch.bring(bytes);
    await store.fetching.beforeName.reached;
    const closing = store.fills.close();
    store.fetching.beforeName.open();
    await Promise.all([closing, held]);
    await expectHeld(store, listed);
  });

  test('a client that waits for a fetch is told', async () => {
    await using store = await fetching();
    const held = ensure(store, new PlainLoader([], { before: new Gate() }));
    const opening = store.fills.open({ scope: 'open', listed, loader: () => new PlainLoader([]) }, 0);
    const told = Promise.allSettled([held, opening]);
    await store.fills.close();
    expect(await told).toMatchObject([{ status: 'rejected', reason: { code: 'cancelled' } }, { status: 'rejected' }]);
  });
});
