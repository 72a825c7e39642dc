import { stat, truncate } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Algorithm } from '../../base/digest.ts';
import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { failure } from '../support/recorded-files.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { bytesBelow, file, flipped, idle, mebibyte, pieces, readAll, readPart } from './pieces.ts';

const patient = new AbortController().signal;

test('fifty clients of one cold file cause one transfer, and each gets every byte', async () => {
  await using store = await pieces();
  const { fills } = store;
  const { bytes, listed } = file(3 * mebibyte);
  const loader = new ScriptedLoader([{ bytes }]);
  const opened = await Promise.all(
    Array.from({ length: 50 }, () => fills.open({ scope: 'open', listed, loader: () => loader }, 0)),
  );
  const got = await Promise.all(opened.map(({ source }) => readAll(source)));
  expect(got.every(({ error, bytes: had }) => error === null && had.equals(bytes))).toBe(true);
  expect(loader.opened).toEqual([0]);
  expect(opened.map(({ outcome }) => outcome).toSorted()).toEqual([...Array<string>(49).fill('collapsed'), 'miss']);
});

test('a file above 1 MiB flows before its last byte has arrived, and a late joiner begins at its start', async () => {
  await using store = await pieces();
  const { fills } = store;
  const { bytes, listed } = file(3 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: 2 * mebibyte, gate } }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const first = await fills.open(request, 0);
  expect((await readPart(first.source, 0, 2 * mebibyte)).equals(bytes.subarray(0, 2 * mebibyte))).toBe(true);
  const late = await fills.open(request, 0);
  expect(late.outcome).toBe('collapsed');
  expect((await readPart(late.source, 0, mebibyte)).equals(bytes.subarray(0, mebibyte))).toBe(true);
  gate.open();
  for (const { source } of [first, late]) expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(loader.opened).toEqual([0]);
});

test('the client that started a fill may leave: the others and the store get the whole file', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { bytes, listed } = file(3 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate } }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const first = await fills.open(request, 0);
  const second = await fills.open(request, 0);
  first.source.release();
  gate.open();
  expect((await readAll(second.source)).bytes.equals(bytes)).toBe(true);
  await idle(store);
  expect(await blobs.holds('open', listed)).toBe(true);
});

test('a client that reads nothing holds back neither the others nor the transfer', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { bytes, listed } = file(8 * mebibyte);
  const loader = new ScriptedLoader([{ bytes }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const stalled = await fills.open(request, 0);
  const lively = await fills.open(request, 0);
  expect((await readAll(lively.source)).bytes.equals(bytes)).toBe(true);
  await idle(store);
  expect(await blobs.holds('open', listed)).toBe(true);
  expect((await readAll(stalled.source)).bytes.equals(bytes)).toBe(true);
});

test('a client that is still in the wrong bytes when the right ones are held, and their fill is gone, goes on in them', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([
    { bytes: flipped(bytes, 3 * mebibyte - 1), stall: { at: 2 * mebibyte, gate } },
    { bytes },
  ]);
  const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  expect((await readPart(source, 0, mebibyte)).equals(bytes.subarray(0, mebibyte))).toBe(true);
  gate.open();
  await idle(store);
  expect(await store.blobs.holds('open', listed)).toBe(true);
  const rest = await readAll(source, { start: mebibyte });
  expect(rest.error).toBe(null);
  expect(rest.bytes.equals(bytes.subarray(mebibyte))).toBe(true);
});

test('a client that joins while the proven file is being named gets it whole, as a hit', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { bytes, listed } = file(2 * mebibyte);
  const loader = new ScriptedLoader([{ bytes }]);
  const request = { scope: 'open', listed, loader: () => loader };
  await fills.ensure(request, patient);
  // It looked for the file just before the rename, and comes for the fill just after.
  const { source, outcome } = await fills.open(request, 0);
  expect(outcome).toBe('hit');
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(loader.opened).toEqual([0]);
  await idle(store);
  expect(await blobs.holds('open', listed)).toBe(true);
});

test('a sync and clients share one transfer, whoever comes first', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { bytes, listed } = file(2 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: 1_500_000, gate } }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const before = fills.ensure(request, patient);
  const client = await fills.open(request, 0);
  const after = fills.ensure(request, patient);
  gate.open();
  await Promise.all([before, after]);
  expect(await blobs.holds('open', listed)).toBe(true);
  expect((await readAll(client.source)).bytes.equals(bytes)).toBe(true);
  expect(loader.opened).toEqual([0]);
});

test('a sync that is aborted stops waiting; the clients of its fill do not notice', async () => {
  await using store = await pieces();
  const { fills } = store;
  const { bytes, listed } = file(2 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: 1_500_000, gate } }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const cancelled = new AbortController();
  const sync = fills.ensure(request, cancelled.signal);
  const client = await fills.open(request, 0);
  const reason = new WaystationError('cancelled', 'the run was cancelled');
  cancelled.abort(reason);
  await expect(sync).rejects.toBe(reason);
  gate.open();
  expect((await readAll(client.source)).bytes.equals(bytes)).toBe(true);
});

test('a sync that was aborted before it began asks nobody', async () => {
  await using store = await pieces();
  const { fills } = store;
  const { bytes, listed } = file(10);
  const loader = new ScriptedLoader([{ bytes }]);
  await expect(fills.ensure({ scope: 'open', listed, loader: () => loader }, AbortSignal.abort())).rejects.toThrow();
  expect([loader.opened, fills.active]).toEqual([[], 0]);
});

test('the same digest in two scopes is fetched once by each', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { bytes, listed } = file(1000);
  const loader = new ScriptedLoader([{ bytes }, { bytes }]);
  await fills.ensure({ scope: 'open', listed, loader: () => loader }, patient);
  expect(await blobs.holds('corp-1', listed)).toBe(false);
  await fills.ensure({ scope: 'corp-1', listed, loader: () => loader }, patient);
  expect(await blobs.holds('corp-1', listed)).toBe(true);
  expect(loader.opened).toEqual([0, 0]);
});

test('an empty file is proven without asking anybody, and kept', async () => {
  await using store = await pieces();
  const { fills, blobs } = store;
  const { listed } = file(0);
  const loader = new ScriptedLoader([]);
  const { source, outcome } = await fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  expect([source.size, outcome]).toEqual([0, 'miss']);
  expect(await readAll(source)).toEqual({ bytes: Buffer.alloc(0), error: null });
  await idle(store);
  expect(await blobs.holds('open', listed)).toBe(true);
  expect(loader.opened).toEqual([]);
});

test('a listing of 0 bytes with the digest of something else is refused', async () => {
  await using store = await pieces();
  const { fills } = store;
  const listed = { digest: digestOf('other'), size: 0 };
  const loader = new ScriptedLoader([{ bytes: Buffer.alloc(0) }, { bytes: Buffer.from('other') }]);
  await expect(fills.open({ scope: 'open', listed, loader: () => loader }, 0)).rejects.toThrow('no source is left');
  expect(loader.liars).toHaveLength(2);
});

test.each<Algorithm>(['sha512', 'sha384', 'sha224', 'sha1', 'md5'])(
  'a file listed by %s is verified by it and gets its sha256 name as a hard link',
  async (algorithm) => {
    await using store = await pieces();
    const { fills, blobs, layout, space } = store;
    const { bytes, listed } = file(1_200_000, algorithm);
    const bySha256 = { digest: digestOf(bytes), size: bytes.length };
    await fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
    const [named, linked] = await Promise.all([stat(layout.blob('open', listed)), stat(layout.blob('open', bySha256))]);
    expect([named.ino, named.nlink]).toEqual([linked.ino, 2]);
    expect(await blobs.holds('open', bySha256)).toBe(true);
    expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs), 0]);
  },
);

test('a file that is held by its sha256 already is stored once when it comes by another algorithm', async () => {
  await using store = await pieces();
  const { fills, blobs, layout, space } = store;
  const { bytes, listed } = file(5000);
  const other = { digest: digestOf(bytes, 'sha512'), size: bytes.length };
  await fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  await fills.ensure({ scope: 'open', listed: other, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  const [one, two] = await Promise.all([listed, other].map((each) => stat(layout.blob('open', each))));
  expect(one?.ino).toBe(two?.ino);
  expect(await blobs.holds('open', other)).toBe(true);
  expect([space.used, await bytesBelow(layout.blobs)]).toEqual([5000, 5000]);
});

/** A disk that syncs no file before the gate opens. */
function slowlySynced(gate: Gate, openRead: Disk['openRead']): Disk {
  return {
    ...systemDisk,
    syncAll: async () => false,
    syncFile: async (path) => {
      await passed(gate);
      await systemDisk.syncFile(path);
    },
    openRead,
  };
}

const emptied: Disk['openRead'] = async (path) => {
  await truncate(path);
  return systemDisk.openRead(path);
};

test.each<[string, number, Disk['openRead']]>([
  ['is served from there', 1, (path) => systemDisk.openRead(path)],
  [
    'goes on by a transfer of its own when it cannot be read there',
    2,
    async (path) => Promise.reject(failure('EIO', path)),
  ],
  ['or when it is gone', 2, async () => null],
  ['or when other hands have emptied it', 2, emptied],
])('a client that comes when a small file was written, and has no name yet, %s', async (_, transfers, openRead) => {
  const gate = new Gate();
  await using store = await pieces({ disk: slowlySynced(gate, openRead) });
  const { bytes, listed } = file(50_000);
  const loader = new ScriptedLoader([], { again: { bytes } });
  const request = { scope: 'open', listed, loader: () => loader };
  const stored = store.fills.ensure(request, patient);
  await gate.reached;
  const { source, outcome } = await store.fills.open(request, 0);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect([outcome, loader.opened.length]).toEqual(['hit', transfers]);
  gate.open();
  await stored;
});
