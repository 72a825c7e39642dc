import { unlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import type { Listed } from '../../base/digest.ts';
import type { FillRequest } from '../../cache/fills/in-flight.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { expectHeld, expectTidy, fetching, PlainLoader } from './fetching.ts';
import { file, idle, readAll, readPart } from './pieces.ts';

const patient = new AbortController().signal;

/** What a client asks for whose own transfers are these. */
function asking(listed: Listed, loader: ScriptedLoader = new ScriptedLoader([])): FillRequest {
  return { scope: 'open', listed, loader: () => loader };
}

test('a client that comes while its file is fetched waits, and gets it by no transfer', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(300_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  const opening = store.fills.open(asking(listed), 0);
  expect(loader.told).toEqual(['hurry']);
  await store.fetching.fetch.bring(bytes);
  const { source, outcome } = await opening;
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect([outcome, loader.opened]).toEqual(['hit', []]);
  await held;
  await expectHeld(store, listed);
});

test('a client that comes when its file was fetched, and has no name yet, reads it as it is', async () => {
  await using store = await fetching({ holds: ['beforeSync'] });
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await store.fetching.beforeSync.reached;
  const { source, outcome } = await store.fills.open(asking(listed), 0);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(outcome).toBe('hit');
  store.fetching.beforeSync.open();
  await held;
  await expectHeld(store, listed);
});

test.each([0, 1, 150_000])(
  'a file that gets its name after a client read %i bytes of it goes on for it',
  async (read) => {
    await using store = await fetching({ holds: ['beforeName'] });
    const { bytes, listed } = file(300_000);
    const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
    await store.fetching.fetch.bring(bytes);
    await store.fetching.beforeName.reached;
    const { source } = await store.fills.open(asking(listed), 0);
    expect((await readPart(source, 0, read)).equals(bytes.subarray(0, read))).toBe(true);
    store.fetching.beforeName.open();
    await held;
    await idle(store);
    expect(store.fills.uses({ scope: 'open', listed })).toBe(true);
    expect((await readAll(source, { start: read })).bytes.equals(bytes.subarray(read))).toBe(true);
    expect(store.fills.uses({ scope: 'open', listed })).toBe(false);
    await expectHeld(store, listed);
  },
);

test('a client that comes just after the name gets the file from the fill', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await held;
  expect(store.fills.active).toBe(1);
  const { source, outcome } = await store.fills.open(asking(listed), 0);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(outcome).toBe('hit');
});

test('two clients read at their own pace, each from where it asked, and one may leave', async () => {
  await using store = await fetching({ holds: ['beforeName'] });
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  const range = { start: 200_000, end: 200_100, loader: () => new ScriptedLoader([]) };
  const opening = [store.fills.open(asking(listed), 0), store.fills.open(asking(listed), 200_000, range)] as const;
  await store.fetching.fetch.bring(bytes);
  const [first, second] = await Promise.all(opening);
  expect([first.outcome, second.outcome]).toEqual(['hit', 'hit']);
  expect((await readPart(second.source, 200_000, 200_100)).equals(bytes.subarray(200_000, 200_100))).toBe(true);
  second.source.release();
  store.fetching.beforeName.open();
  await held;
  expect((await readAll(first.source)).bytes.equals(bytes)).toBe(true);
  await expectHeld(store, listed);
});

test('a client that waits for a fetch that fails follows the transfer that comes instead', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(300_000);
  const loader = new PlainLoader([{ bytes }]);
  const held = store.sink.ensure('open', listed, loader, patient);
  const opening = store.fills.open(asking(listed), 1000);
  store.fetching.fetch.fail('late');
  const { source, outcome } = await opening;
  expect((await readAll(source, { start: 1000 })).bytes.equals(bytes.subarray(1000))).toBe(true);
  expect([outcome, loader.opened]).toEqual(['collapsed', [0]]);
  await held;
  await expectHeld(store, listed);
});

test('the time that a fetch took in vain counts for the client that waits for its first byte', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(300_000);
  const gate = new Gate();
  const held = store.sink.ensure('open', listed, new PlainLoader([{ bytes }], { before: gate }), patient);
  const opening = store.fills.open(asking(listed), 0);
  store.clock.advance(2_000);
  store.fetching.fetch.fail('late');
  await gate.reached;
  store.clock.advance(7_500);
  await expect(opening).rejects.toMatchObject({ code: 'upstream_timeout' });
  gate.open();
  await held;
  await expectHeld(store, listed);
});

test('a client that waits when neither way brings the file is told why', async () => {
  await using store = await fetching();
  const { listed } = file(300_000);
  const gone = new WaystationError('upstream_missing', 'it is not there');
  const held = store.sink.ensure('open', listed, new PlainLoader([gone]), patient);
  const opening = store.fills.open(asking(listed), 0);
  store.fetching.fetch.fail('missing');
  await expect(opening).rejects.toMatchObject({ code: 'upstream_missing' });
  await expect(held).rejects.toBe(gone);
  await expectTidy(store);
});

test('a client of a proven file that cannot be put reads it from memory, and keeps it when the disk is full', async () => {
  await using store = await fetching({ fails: ({ call }) => (call === 'write' ? 'ENOSPC' : null) });
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  const opening = store.fills.open(asking(listed), 0);
  await store.fetching.fetch.bring(bytes);
  const { source } = await opening;
  await expect(held).rejects.toMatchObject({ code: 'disk_full' });
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  await expectTidy(store);
});

test('a file that other hands remove before it has its name costs its client a transfer of its own', async () => {
  await using store = await fetching({ holds: ['beforeName'] });
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  const own = new ScriptedLoader([{ bytes }]);
  const opening = store.fills.open(asking(listed, own), 0);
  await store.fetching.fetch.bring(bytes);
  const { source } = await opening;
  await store.fetching.beforeName.reached;
  await unlink(store.fetching.fetch.path);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(own.opened).toEqual([0]);
  store.fetching.beforeName.open();
  await expect(held).rejects.toMatchObject({ code: 'disk_failing' });
  await expectTidy(store);
});

test.each([
  [0, 1],
  [1000, 0],
])('a name that is refused after a client read %i bytes costs it %i transfers of its own', async (read, transfers) => {
  const disk = {
    holds: ['beforeName'],
    fails: ({ call }: { call: string }) => (call === 'rename' ? 'EIO' : null),
  } as const;
  await using store = await fetching(disk);
  const { bytes, listed } = file(300_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  const own = new ScriptedLoader([{ bytes }]);
  const opening = store.fills.open(asking(listed, own), 0);
  await store.fetching.fetch.bring(bytes);
  const { source } = await opening;
  expect((await readPart(source, 0, read)).equals(bytes.subarray(0, read))).toBe(true);
  store.fetching.beforeName.open();
  await expect(held).rejects.toMatchObject({ code: 'disk_failing' });
  expect((await readAll(source, { start: read })).bytes.equals(bytes.subarray(read))).toBe(true);
  expect(own.opened).toHaveLength(transfers);
  await expectTidy(store);
});
