import { readdir, writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { tailOf } from '../../cache/fills/growing.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { bytesBelow, file, flipped, idle, mebibyte, pieces, readAll, readPart } from './pieces.ts';

const patient = new AbortController().signal;
const none = { max: () => 0, keepFree: () => 0 };

describe('with no room', () => {
  test('each client of a large file has its own transfer, and nothing is written', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(3 * mebibyte);
    const loaders = [new ScriptedLoader([{ bytes }]), new ScriptedLoader([{ bytes }])];
    const opened = await Promise.all(
      loaders.map((loader) => store.fills.open({ scope: 'open', listed, loader: () => loader }, 0)),
    );
    expect(opened.map(({ outcome }) => outcome)).toEqual(['bypass', 'bypass']);
    for (const { source } of opened) expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    expect(loaders.map(({ opened: offsets }) => offsets)).toEqual([[0], [0]]);
    expect(await bytesBelow(store.root)).toBe(0);
    expect([store.space.used, store.space.reserved, store.space.state]).toEqual([0, 0, 'full']);
    expect(store.results.get('bypassed')).toBe(2);
  });

  test('clients of a small file share one transfer in memory', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(100_000);
    const gate = new Gate();
    const loader = new ScriptedLoader([{ bytes }], { before: gate });
    const request = { scope: 'open', listed, loader: () => loader };
    const opening = [store.fills.open(request, 0), store.fills.open(request, 0)];
    gate.open();
    const opened = await Promise.all(opening);
    expect(opened.map(({ outcome }) => outcome)).toEqual(['bypass', 'bypass']);
    for (const { source } of opened) expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    expect(loader.opened).toEqual([0]);
    await idle(store);
    expect(await bytesBelow(store.root)).toBe(0);
    expect(store.results.get('bypassed')).toBe(1);
  });

  test('a sync is told that the disk is full', async () => {
    await using store = await pieces({ limits: none });
    for (const size of [10, 2 * mebibyte]) {
      const { bytes, listed } = file(size);
      const request = { scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) };
      await expect(store.fills.ensure(request, patient)).rejects.toMatchObject({ code: 'disk_full' });
    }
  });

  test('the tail is held back until the digest is right: a lie is cut short of the end', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(2 * mebibyte);
    const loader = new ScriptedLoader([{ bytes: flipped(bytes, bytes.length - 1), source: 'liar' }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    const got = await readAll(source);
    expect(got.error).toMatchObject({ code: 'upstream_lied' });
    expect(got.bytes.equals(bytes.subarray(0, bytes.length - tailOf(bytes.length)))).toBe(true);
    expect(loader.liars).toEqual(['liar']);
  });

  test.each([
    ['breaks off', (bytes: Buffer) => ({ bytes, cutAt: 1_500_000 }), []],
    ['ends too early', (bytes: Buffer) => ({ bytes: bytes.subarray(0, 1_500_000), total: null }), ['origin']],
    ['says another length', (bytes: Buffer) => ({ bytes, total: 1 }), ['origin']],
  ])('a source that %s is gone on with by the next', async (_, fault, liars) => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(2 * mebibyte);
    const loader = new ScriptedLoader([{ ...fault(bytes), source: 'origin' }, { bytes }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    expect(loader.liars).toEqual(liars);
  });

  test('a source that sends more than is listed is cut there, and the digest decides', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(2 * mebibyte);
    const loader = new ScriptedLoader([{ bytes: Buffer.concat([bytes, bytes]), total: null, source: 'long' }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    expect(loader.liars).toEqual(['long']);
  });

  test('ranges are right in any order: forward in the same transfer, backward by another', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(3 * mebibyte);
    const loaders: ScriptedLoader[] = [];
    const loader = (): ScriptedLoader => {
      const made = new ScriptedLoader([{ bytes }]);
      loaders.push(made);
      return made;
    };
    const { source } = await store.fills.open({ scope: 'open', listed, loader }, 1000);
    for (const [start, end] of [
      [1000, 2000],
      [500_000, 500_100],
      [10, 20],
      [2 * mebibyte, 3 * mebibyte],
    ] as const) {
      expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
    }
    source.release();
    // The first belongs to the fill that could not begin, and was not asked.
    expect(loaders.flatMap(({ opened }) => opened)).toEqual([0, 0]);
  });

  test('a client that leaves ends its transfer', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(4 * mebibyte);
    const gate = new Gate();
    const loader = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate } }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    await gate.reached;
    const reading = source.read(Buffer.alloc(10), 0, 10).then(() => source.read(Buffer.alloc(mebibyte), 10, mebibyte));
    source.release();
    await reading.catch(() => {});
    await expect(source.read(Buffer.alloc(10), mebibyte, 10)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe.each(['ENOSPC', 'EIO', 'EROFS'])('a disk that fails with %s', (code) => {
  const state = { ENOSPC: 'full', EIO: 'failing', EROFS: 'read-only' }[code];

  test('in the midst of a fill costs no client anything: each goes on by a transfer of its own', async () => {
    const disk = new FaultyDisk(({ call, to }) => (call === 'write' && Number(to) >= mebibyte ? code : null));
    await using store = await pieces({ disk });
    const { bytes, listed } = file(4 * mebibyte);
    const gate = new Gate();
    const shared = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate } }], { again: { bytes } });
    const request = { scope: 'open', listed, loader: () => shared };
    const clients = await Promise.all([store.fills.open(request, 0), store.fills.open(request, 500_000)]);
    await readPart(clients[0].source, 0, 900_000);
    gate.open();
    const [whole, part] = await Promise.all([
      readAll(clients[0].source, { start: 900_000 }),
      readAll(clients[1].source, { start: 500_000 }),
    ]);
    expect(whole.error ?? part.error).toBeNull();
    expect(whole.bytes.equals(bytes.subarray(900_000))).toBe(true);
    expect(part.bytes.equals(bytes.subarray(500_000))).toBe(true);
    expect(store.space.state).toBe(state);
    await idle(store);
    expect(await store.blobs.holds('open', listed)).toBe(false);
    expect([store.space.used, store.space.reserved]).toEqual([await bytesBelow(store.layout.parts), 0]);
  });

  test('before a fill is passed by', async () => {
    const disk = new FaultyDisk(({ call }) => (call === 'openPart' ? code : null));
    await using store = await pieces({ disk });
    const { bytes, listed } = file(2 * mebibyte);
    const loader = new ScriptedLoader([{ bytes }]);
    const { source, outcome } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    expect(outcome).toBe('bypass');
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    await idle(store);
    expect([store.space.used, store.space.reserved]).toEqual([0, 0]);
  });

  test('when a small proven file is to be named is no client’s business', async () => {
    const disk = new FaultyDisk(({ call }) => (call === 'rename' ? code : null));
    await using store = await pieces({ disk });
    const { bytes, listed } = file(5000);
    const loader = new ScriptedLoader([{ bytes }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    await idle(store);
    expect([store.space.used, store.space.reserved]).toEqual([0, 0]);
    expect(await readdir(store.layout.parts)).toEqual([]);
  });
});

test('what a fill has written is not promised any more: the rest of the disk can be used', async () => {
  const disk = new FaultyDisk();
  disk.setSpace({ free: 10 * mebibyte, total: 100 * mebibyte });
  await using store = await pieces({ disk });
  const [large, other] = [file(8 * mebibyte), file(1_500_000)];
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes: large.bytes, stall: { at: 6 * mebibyte, gate } }]);
  const filling = store.fills.ensure({ scope: 'open', listed: large.listed, loader: () => loader }, patient);
  await gate.reached;
  while ((await bytesBelow(store.layout.parts)) < 6 * mebibyte) await setImmediate();
  await setImmediate();
  disk.setSpace({ free: 4 * mebibyte, total: 100 * mebibyte });
  store.clock.advance(1_000);
  const request = { scope: 'open', listed: other.listed, loader: () => new ScriptedLoader([{ bytes: other.bytes }]) };
  await store.fills.ensure(request, patient);
  gate.open();
  await filling;
  expect(store.space.used).toBe(8 * mebibyte + 1_500_000);
});

test('a client whose fill the disk ended is cut when its own transfer differs from what it was sent', async () => {
  const disk = new FaultyDisk(({ call, to }) => (call === 'write' && Number(to) >= mebibyte ? 'EIO' : null));
  await using store = await pieces({ disk });
  const { bytes, listed } = file(4 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes: flipped(bytes, 7), stall: { at: mebibyte, gate } }], {
    again: { bytes },
  });
  const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  await readPart(source, 0, 900_000);
  gate.open();
  const got = await readAll(source, { start: 900_000 });
  expect(got.error).toMatchObject({ code: 'upstream_lied' });
  expect(got.bytes.length).toBeLessThan(listed.size - 900_000);
});

test('a disk that is well again stores again, and the state says so', async () => {
  let sick = true;
  const disk = new FaultyDisk(({ call }) => (sick && call === 'write' ? 'EROFS' : null));
  await using store = await pieces({ disk });
  const first = file(2 * mebibyte);
  const request = { scope: 'open', listed: first.listed, loader: () => new ScriptedLoader([{ bytes: first.bytes }]) };
  await expect(store.fills.ensure(request, patient)).rejects.toMatchObject({ code: 'disk_read_only' });
  sick = false;
  await expect(store.fills.ensure(request, patient)).rejects.toMatchObject({ code: 'disk_full' });
  expect(store.space.state).toBe('read-only');
  store.clock.advance(5_000);
  await store.fills.ensure(request, patient);
  expect(store.space.state).toBe('ok');
  expect(await store.blobs.holds('open', first.listed)).toBe(true);
});

describe('with no room, a client of whom nothing has left yet', () => {
  test('gets the file from another source when the first had wrong bytes', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(2 * mebibyte);
    const liar = { bytes: flipped(bytes, 7), source: 'liar' };
    const loader = new ScriptedLoader([liar, { bytes, source: 'honest' }]);
    const start = bytes.length - tailOf(bytes.length);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, start);
    expect(await readAll(source, { start })).toEqual({ bytes: bytes.subarray(start), error: null });
    expect([loader.opened, loader.liars]).toEqual([[0, 0], ['liar']]);
  });

  test('is not left waiting for a byte that is far away', async () => {
    await using store = await pieces({ limits: none });
    const { bytes, listed } = file(2 * mebibyte);
    const gate = new Gate();
    const loader = new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate } }]);
    const opening = store.fills.open({ scope: 'open', listed, loader: () => loader }, bytes.length - 1);
    await gate.reached;
    store.clock.advance(30_000);
    await expect(opening).rejects.toMatchObject({ code: 'upstream_timeout' });
    gate.open();
  });
});

test('bytes of an earlier try that cannot be removed at once are counted once', async () => {
  let unlinks = 0;
  const disk = new FaultyDisk(({ call }) => (call === 'unlink' && (unlinks += 1) === 1 ? 'EIO' : null));
  await using store = await pieces({ disk });
  const { bytes, listed } = file(100);
  await writeFile(store.layout.part('open', listed), bytes.subarray(0, 10));
  store.space.adjust(10);
  const loader = new ScriptedLoader([{ bytes }]);
  await store.fills.ensure({ scope: 'open', listed, loader: () => loader }, patient);
  expect(unlinks).toBe(2);
  expect([store.space.used, store.space.reserved]).toEqual([100, 0]);
});

test('what an earlier try left of a small file makes room for the file, and is counted once', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3_000);
  await writeFile(store.layout.part('open', listed), bytes.subarray(0, 2_000));
  store.space.adjust(2_000);
  await store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  expect([store.space.used, store.space.reserved]).toEqual([3_000, 0]);
  expect([await bytesBelow(store.layout.blobs), await readdir(store.layout.parts)]).toEqual([3_000, []]);
});

test('what an earlier try left of a small file is counted as long as no source gives the file', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3_000);
  await writeFile(store.layout.part('open', listed), bytes.subarray(0, 2_000));
  store.space.adjust(2_000);
  const refusal = new WaystationError('upstream_unreachable', 'nobody is there');
  const loader = { open: () => Promise.reject(refusal), lied: () => {} };
  await expect(store.fills.ensure({ scope: 'open', listed, loader: () => loader }, patient)).rejects.toBe(refusal);
  expect(await bytesBelow(store.layout.parts)).toBe(2_000);
  expect([store.space.used, store.space.reserved]).toEqual([2_000, 0]);
});
