import { expect, test } from 'vitest';
import { proven } from '../../disk/file-facts.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { expectHeld, expectTidy, fetching, PlainLoader } from './fetching.ts';
import { file, idle, mebibyte, readAll } from './pieces.ts';

const patient = new AbortController().signal;

test('a small file of a sync that the disk fetched is held, by no transfer', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  expect(store.fetching.fetches).toHaveLength(1);
  expect(store.fetching.fetch.asked).toMatchObject({ size: 30_000, sha256: listed.digest.slice('sha256:'.length) });
  expect([store.space.reserved, store.fills.active]).toEqual([30_000, 1]);
  await store.fetching.fetch.bring(bytes);
  await held;
  await expectHeld(store, listed);
  expect([loader.opened, loader.ends.map(({ failure }) => failure)]).toEqual([[], [null]]);
  await idle(store);
  expect([...store.results]).toEqual([['stored', 1]]);
  expect((await readAll((await store.blobs.open('open', listed))!)).bytes.equals(bytes)).toBe(true);
  const facts = await store.disk.facts(store.layout.blob('open', listed));
  expect(facts).toMatchObject({ size: 30_000, modified: proven });
});

test('its bytes are synced before it has its name, and the name before anybody is told', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  const { path } = store.fetching.fetch;
  await store.fetching.fetch.bring(bytes);
  await held;
  const name = store.layout.blob('open', listed);
  const folder = name.slice(0, name.lastIndexOf('/'));
  const durable = store.fetching.calls.filter(
    (call) => call.path === path || (call.call === 'syncFolder' && call.path === folder),
  );
  expect(durable.map(({ call }) => call)).toEqual(['openPart', 'write', 'stamp', 'sync', 'rename', 'syncFolder']);
});

test('a sync keeps the slot of a file until its bytes are in a file, not until it has its name', async () => {
  await using store = await fetching({ holds: ['beforeSync'] });
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  expect(loader.told).toEqual([]);
  await store.fetching.fetch.bring(bytes);
  await store.fetching.beforeSync.reached;
  expect(loader.told).toEqual(['received']);
  expect(store.index.has('open', listed.digest)).toBe(false);
  store.fetching.beforeSync.open();
  await held;
  expect(loader.told).toEqual(['received', 'done']);
  await expectHeld(store, listed);
});

test('who is told that a file is received may have the next one fetched at once', async () => {
  await using store = await fetching();
  const [first, second] = [file(1000), file(2000)];
  const next: Promise<void>[] = [];
  const loader = new (class extends PlainLoader {
    override received(): void {
      next.push(store.sink.ensure('open', second.listed, new PlainLoader([]), patient));
    }
  })([]);
  const held = store.sink.ensure('open', first.listed, loader, patient);
  await store.fetching.fetch.bring(first.bytes);
  expect(store.fetching.fetches).toHaveLength(2);
  await store.fetching.fetch.bring(second.bytes);
  await Promise.all([held, ...next]);
  await expectHeld(store, first.listed);
  await expectHeld(store, second.listed);
});

test('many files that are fetched at once are all held', async () => {
  await using store = await fetching();
  const files = Array.from({ length: 40 }, (_, index) => file(100 + index));
  const held = files.map(({ listed }) => store.sink.ensure('open', listed, new PlainLoader([]), patient));
  await Promise.all(
    store.fetching.fetches.map(async (fetch, index) => fetch.bring(files[index]?.bytes ?? Buffer.of())),
  );
  await Promise.all(held);
  for (const { listed } of files) expect(await store.blobs.holds('open', listed)).toBe(true);
  await expectTidy(store);
  expect(store.fetching.fetches).toHaveLength(40);
});

test('a file whose rename fails is not held, leaves nothing, and gives its room back', async () => {
  let sick = true;
  await using store = await fetching({ fails: ({ call }) => (sick && call === 'rename' ? 'EIO' : null) });
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await expect(held).rejects.toMatchObject({ code: 'disk_failing' });
  await expectTidy(store);
  expect([store.space.used, store.fills.active, await store.blobs.holds('open', listed)]).toEqual([0, 0, false]);
  expect(store.space.state).toBe('failing');
  sick = false;
  store.clock.advance(10_000);
  await store.sink.ensure('open', listed, new PlainLoader([{ bytes }]), patient);
  await expectHeld(store, listed);
});

test('a file whose bytes could not be synced is put anew: its part is no beginning of another try', async () => {
  let sick = true;
  await using store = await fetching({ fails: ({ call }) => (sick && call === 'sync' ? 'EIO' : null) });
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await expect(held).rejects.toMatchObject({ code: 'disk_failing' });
  await expectTidy(store);
  sick = false;
  store.clock.advance(10_000);
  await store.space.measure();
  const again = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await again;
  await expectHeld(store, listed);
});

test.each<[string, Parameters<typeof file>, { adopt?: boolean; nobody?: boolean; limited?: boolean }]>([
  ['that is listed by another algorithm than sha256', [30_000, 'sha1'], {}],
  ['that is larger than 1 MiB', [mebibyte + 1], {}],
  ['that is empty', [0], {}],
  ['that was left by an earlier run', [30_000], { adopt: true }],
  ['that nobody is told the receipt of', [30_000], { nobody: true }],
  ['whose loader needs more than a plain GET', [30_000], { limited: true }],
])('a file %s is transferred the ordinary way', async (_, [size, algorithm], { adopt, nobody, limited }) => {
  await using store = await fetching();
  const { bytes, listed } = file(size, algorithm);
  const loader = new PlainLoader([{ bytes }]);
  const limitedLoader = new ScriptedLoader([{ bytes }]);
  const request = {
    scope: 'open',
    listed,
    loader: () => (limited === true ? limitedLoader : loader),
    ...(nobody !== true && { teller: loader }),
    ...(adopt === true && { adopt }),
  };
  await store.fills.ensure(request, patient);
  await expectHeld(store, listed);
  expect(store.fetching.fetches).toEqual([]);
});

test('a client alone has its file transferred the ordinary way', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([{ bytes }]);
  const { source, outcome } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect([outcome, loader.opened, store.fetching.fetches]).toEqual(['miss', [0], []]);
});

test('with no room nothing is fetched', async () => {
  await using store = await fetching({ limits: { max: () => 0, keepFree: () => 0 } });
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([{ bytes }]);
  await expect(store.sink.ensure('open', listed, loader, patient)).rejects.toMatchObject({ code: 'disk_full' });
  expect(store.fetching.fetches).toEqual([]);
  expect(loader.told).toEqual(['received', 'done']);
  await expectTidy(store);
});
