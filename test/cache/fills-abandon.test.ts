import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk, WritableFile } from '../../disk/disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { file, idle, mebibyte, pieces, readAll, readPart } from './pieces.ts';

const patient = new AbortController().signal;

/** A large file whose transfer stalls at `at`, and a client that was given something and left. */
async function left(store: Awaited<ReturnType<typeof pieces>>, size: number, at: number) {
  const { bytes, listed } = file(size);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at, gate }, chunks: mebibyte }], { again: { bytes } });
  const request = { scope: 'open', listed, loader: () => loader };
  const { source } = await store.fills.open(request, 0);
  await gate.reached;
  await readPart(source, 0, 1000);
  source.release();
  return { bytes, listed, gate, loader, request };
}

test('a large fill that has hardly begun stops 30 s after its last client left, and is gone on with later', async () => {
  await using store = await pieces();
  const { bytes, listed, request, loader } = await left(store, 40 * mebibyte, 2 * mebibyte);
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(29_999);
  await setImmediate();
  expect(store.fills.active).toBe(1);
  store.clock.advance(1);
  await idle(store);
  expect(store.results.get('abandoned')).toBe(1);
  expect([store.space.used, store.space.reserved]).toEqual([2 * mebibyte, 0]);
  const { source } = await store.fills.open(request, 0);
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  expect(loader.opened).toEqual([0, 2 * mebibyte]);
  await idle(store);
  expect(await store.blobs.holds('open', listed)).toBe(true);
  expect([store.space.used, store.space.reserved]).toEqual([listed.size, 0]);
});

test('what an earlier fill left is not sent to anybody before a source answers', async () => {
  await using store = await pieces();
  const { listed } = await left(store, 40 * mebibyte, 2 * mebibyte);
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(30_000);
  await idle(store);
  const dead = {
    open: () => Promise.reject(new WaystationError('upstream_unreachable', 'nobody is there')),
    lied: () => {},
  };
  const opening = store.fills.open({ scope: 'open', listed, loader: () => dead }, 0);
  await expect(opening).rejects.toMatchObject({ code: 'upstream_unreachable' });
});

test.each([
  ['of at most 32 MiB', 32 * mebibyte, mebibyte],
  ['of which a quarter is there', 40 * mebibyte, 10 * mebibyte],
])('a fill %s goes on without anybody', async (_, size, at) => {
  await using store = await pieces();
  const { listed, gate } = await left(store, size, at);
  store.clock.advance(60_000);
  gate.open();
  await idle(store);
  expect(await store.blobs.holds('open', listed)).toBe(true);
});

test('the 30 s begin anew when somebody came and left again', async () => {
  await using store = await pieces();
  const { request, gate } = await left(store, 40 * mebibyte, 2 * mebibyte);
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(20_000);
  const second = await store.fills.open(request, 0);
  expect(second.outcome).toBe('collapsed');
  second.source.release();
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(15_000);
  await setImmediate();
  expect(store.results.get('abandoned')).toBeUndefined();
  store.clock.advance(15_000);
  await idle(store);
  expect(store.results.get('abandoned')).toBe(1);
  gate.open();
});

test('a fill that a sync waits for goes on without clients', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(40 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate }, chunks: mebibyte }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const sync = store.fills.ensure(request, patient);
  const client = await store.fills.open(request, 0);
  client.source.release();
  store.clock.advance(60_000);
  gate.open();
  await sync;
  expect(await store.blobs.holds('open', listed)).toBe(true);
});

test('a fill whose sync was aborted and that nobody follows stops as well', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(40 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate }, chunks: mebibyte }]);
  const stop = new AbortController();
  const sync = store.fills.ensure({ scope: 'open', listed, loader: () => loader }, stop.signal);
  await gate.reached;
  stop.abort(new Error('stopped'));
  await expect(sync).rejects.toThrow('stopped');
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(30_000);
  await idle(store);
  expect(store.results.get('abandoned')).toBe(1);
});

test('a client that comes while a fill is being given up begins another, from the byte reached', async () => {
  await using store = await pieces();
  const { bytes, request, loader } = await left(store, 40 * mebibyte, 2 * mebibyte);
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(30_000);
  // The fill is told to stop in this turn, and has not yet ended.
  await Promise.resolve();
  const [client, sync] = await Promise.all([store.fills.open(request, 0), store.fills.ensure(request, patient)]);
  expect(sync).toBeUndefined();
  expect((await readAll(client.source)).bytes.equals(bytes)).toBe(true);
  expect(loader.opened).toEqual([0, 2 * mebibyte]);
});

test('a fill is not gone on with while writes of the one before are under way', async () => {
  const slow = new Gate();
  const slowly = (part: WritableFile): WritableFile => ({
    fd: part.fd,
    read: (buffer, position, length) => part.read(buffer, position, length),
    sync: () => part.sync(),
    stamp: () => part.stamp(),
    close: () => part.close(),
    async write(chunks, position) {
      if (position > 0) await passed(slow);
      await part.write(chunks, position);
    },
  });
  const disk: Disk = {
    ...systemDisk,
    openPart: async (path) => slowly(await systemDisk.openPart(path)),
    makePart: async (path) => {
      const part = await systemDisk.makePart(path);
      return part === null ? null : slowly(part);
    },
  };
  await using store = await pieces({ disk });
  const { bytes, listed } = file(40 * mebibyte);
  const gate = new Gate();
  const piece = mebibyte / 4;
  const stalled = new ScriptedLoader([{ bytes, stall: { at: 3 * piece, gate }, chunks: piece }]);
  const begun = await store.fills.open({ scope: 'open', listed, loader: () => stalled }, 0);
  await slow.reached;
  await gate.reached;
  begun.source.release();
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(30_000);
  // Who came in this very turn would find the fill going on.
  await setImmediate();
  const next = new ScriptedLoader([{ bytes }]);
  const opening = store.fills.open({ scope: 'open', listed, loader: () => next }, 0);
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  expect(next.opened).toEqual([]);
  slow.open();
  expect((await readAll((await opening).source)).bytes.equals(bytes)).toBe(true);
  expect(next.opened).toEqual([3 * piece]);
});
