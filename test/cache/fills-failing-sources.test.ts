import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { tailOf } from '../../cache/fills/growing.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import type { Script } from '../support/scripted-loader.ts';
import { bytesBelow, file, flipped, idle, mebibyte, pieces, readAll, readPart } from './pieces.ts';
import type { Got, Pieces } from './pieces.ts';

const patient = new AbortController().signal;

async function openAndRead(
  { fills }: Pieces,
  listed: ReturnType<typeof file>['listed'],
  loader: ScriptedLoader,
): Promise<Got> {
  const { source } = await fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  return readAll(source);
}

describe.each([
  ['small', 100_000],
  ['large', 2 * mebibyte],
])('a source of a %s file', (_, size) => {
  const tail = tailOf(size);

  test.each([0, 1, size - tail - 1, size - tail, size - 1, size])(
    'that breaks off at byte %i is gone on with from there, with the same hash state',
    async (cutAt) => {
      await using store = await pieces();
      const { bytes, listed } = file(size);
      const loader = new ScriptedLoader([{ bytes, cutAt }, { bytes }]);
      const got = await openAndRead(store, listed, loader);
      expect(got.error).toBeNull();
      expect(got.bytes.equals(bytes)).toBe(true);
      // All bytes had come: their digest is right, nobody else has to be asked.
      expect(loader.opened).toEqual(cutAt === size ? [0] : [0, cutAt]);
      expect(loader.liars).toEqual([]);
      await idle(store);
      expect(await store.blobs.holds('open', listed)).toBe(true);
    },
  );

  test.each([0, 1, size - tail - 1, size - tail, size - 1])(
    'that flips byte %i does no harm: the next source starts at 0 and its bytes are kept',
    async (at) => {
      await using store = await pieces();
      const { bytes, listed } = file(size);
      const loader = new ScriptedLoader([{ bytes: flipped(bytes, at), source: 'liar' }, { bytes }]);
      const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
      const got = await readAll(source);
      expect(loader.opened).toEqual([0, 0]);
      expect(loader.liars).toEqual(['liar']);
      // The client of a large file may have been sent the wrong byte: then it is cut short of the end.
      if (got.error === null) expect(got.bytes.equals(bytes)).toBe(true);
      else expect(got.bytes.length).toBeLessThanOrEqual(size - tail);
      if (size <= mebibyte || at >= size - tail) expect(got.error).toBeNull();
      await idle(store);
      expect((await readAll((await store.blobs.open('open', listed))!)).bytes.equals(bytes)).toBe(true);
      expect(store.results.get('verification_failures_total')).toBe(1);
    },
  );

  test.each<[string, (bytes: Buffer) => Script]>([
    ['too short and ends cleanly', (bytes) => ({ bytes: bytes.subarray(0, size - 1), total: null })],
    ['empty and ends cleanly', () => ({ bytes: Buffer.alloc(0), total: null })],
    ['too long by a byte', (bytes) => ({ bytes: Buffer.concat([bytes, Buffer.from('x')]), total: null })],
    ['too long by a megabyte', (bytes) => ({ bytes: Buffer.concat([bytes, Buffer.alloc(mebibyte)]), total: size })],
    ['announced with another length', (bytes) => ({ bytes, total: size + 1 })],
    ['sent from another offset than asked for', (bytes) => ({ bytes, offset: 1 })],
  ])('whose body is %s is not believed', async (__, lie) => {
    await using store = await pieces();
    const { bytes, listed } = file(size);
    const loader = new ScriptedLoader([{ ...lie(bytes), source: 'liar' }, { bytes }]);
    const got = await openAndRead(store, listed, loader);
    expect(got.error).toBeNull();
    expect(got.bytes.equals(bytes)).toBe(true);
    expect([loader.opened, loader.liars]).toEqual([[0, 0], ['liar']]);
  });
});

test('a client that was sent wrong bytes is cut before the end; one that came later gets the right ones', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3 * mebibyte);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes: flipped(bytes, 10), stall: { at: 2 * mebibyte, gate } }, { bytes }]);
  const request = { scope: 'open', listed, loader: () => loader };
  const misled = await store.fills.open(request, 0);
  await readPart(misled.source, 0, mebibyte);
  const later = await store.fills.open(request, 0);
  const beyond = await store.fills.open(request, mebibyte);
  expect((await readPart(beyond.source, mebibyte, 2 * mebibyte)).length).toBe(mebibyte);
  gate.open();
  const cut = await readAll(misled.source, { start: mebibyte });
  expect(cut.error).toMatchObject({ code: 'upstream_lied' });
  expect(cut.bytes.length).toBeLessThan(2 * mebibyte);
  expect((await readAll(later.source)).bytes.equals(bytes)).toBe(true);
  // What this one was sent is the same in both: it never notices.
  const { error, bytes: rest } = await readAll(beyond.source, { start: 2 * mebibyte });
  expect(error).toBeNull();
  expect(rest.equals(bytes.subarray(2 * mebibyte))).toBe(true);
});

test('a client goes on with the third source when the second lied as well, each at another place', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(2 * mebibyte);
  const last = bytes.length - 1;
  const loader = new ScriptedLoader([{ bytes: flipped(bytes, last) }, { bytes: flipped(bytes, last - 1) }, { bytes }]);
  const got = await openAndRead(store, listed, loader);
  expect(got.error).toBeNull();
  expect(got.bytes.equals(bytes)).toBe(true);
});

test('a client waits for the third source while the second has not yet repeated what it was sent', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(2 * mebibyte);
  const [first, second] = [new Gate(), new Gate()];
  const loader = new ScriptedLoader([
    { bytes: flipped(bytes, listed.size - 1), stall: { at: mebibyte, gate: first } },
    { bytes: bytes.subarray(0, 10), total: null, stall: { at: 10, gate: second } },
    { bytes },
  ]);
  const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  await readPart(source, 0, mebibyte);
  const rest = readAll(source, { start: mebibyte });
  first.open();
  await second.reached;
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  second.open();
  expect((await rest).error).toBeNull();
  expect((await rest).bytes.equals(bytes.subarray(mebibyte))).toBe(true);
});

test('the tail waits for the digest even when all bytes have come', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(2 * mebibyte);
  const tail = listed.size - tailOf(listed.size);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: listed.size, gate } }]);
  const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  await gate.reached;
  expect((await readPart(source, 0, tail)).equals(bytes.subarray(0, tail))).toBe(true);
  let more = false;
  const rest = source.read(Buffer.alloc(1), tail, 1).then((count) => (more = count > 0));
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  expect(more).toBe(false);
  gate.open();
  expect(await rest).toBe(true);
  source.release();
});

test('when every source lies, nobody gets the last bytes and nothing is kept', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(2 * mebibyte);
  const wrong = flipped(bytes, 5);
  const loader = new ScriptedLoader([{ bytes: wrong }, { bytes: wrong }]);
  const got = await openAndRead(store, listed, loader);
  expect(got.error).not.toBeNull();
  expect(got.bytes.length).toBeLessThanOrEqual(listed.size - tailOf(listed.size));
  await idle(store);
  expect(await store.blobs.open('open', listed)).toBeNull();
  expect(await bytesBelow(store.layout.blobs)).toBe(0);
  expect(store.space.reserved).toBe(0);
});

test('of two sources that gave a part each, none is blamed for the first failure', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(2 * mebibyte);
  const loader = new ScriptedLoader([
    { bytes: flipped(bytes, 0), cutAt: mebibyte, source: 'liar' },
    { bytes, source: 'honest' },
    { bytes, source: 'honest' },
  ]);
  await store.fills.ensure({ scope: 'open', listed, loader: () => loader }, patient);
  expect(loader.liars).toEqual([]);
  expect(loader.opened).toEqual([0, mebibyte, 0]);
});

test('sources that give wrong bytes together twice are all blamed', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(1000);
  const wrong = flipped(bytes, 0);
  const loader = new ScriptedLoader([
    { bytes: wrong, cutAt: 500, source: 'a' },
    { bytes: wrong, source: 'b' },
    { bytes: wrong, cutAt: 500, source: 'a' },
    { bytes: wrong, source: 'b' },
    { bytes, source: 'c' },
  ]);
  await store.fills.ensure({ scope: 'open', listed, loader: () => loader }, patient);
  expect(loader.liars).toEqual(['a', 'b']);
});

test('a source that sends every byte wrong and then breaks off is blamed', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(1000);
  const loader = new ScriptedLoader([{ bytes: flipped(bytes, 0), cutAt: 1000, source: 'liar' }, { bytes }]);
  await store.fills.ensure({ scope: 'open', listed, loader: () => loader }, patient);
  expect(loader.liars).toEqual(['liar']);
});

test('the error of the last source reaches every client that waits, and the next request tries again', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(1000);
  const refused = new WaystationError('upstream_status', '503', { retryAfter: 7 });
  const gate = new Gate();
  const loader = new ScriptedLoader([refused], { before: gate });
  const request = { scope: 'open', listed, loader: () => loader };
  const opening = [store.fills.open(request, 0), store.fills.open(request, 0)];
  gate.open();
  for (const result of await Promise.allSettled(opening)) expect(result).toMatchObject({ reason: refused });
  const good = new ScriptedLoader([{ bytes }]);
  expect((await openAndRead(store, listed, good)).bytes.equals(bytes)).toBe(true);
  expect(store.results.get('refused')).toBe(1);
});

test('the part of a fill that no source could finish is gone on with by the next, all of it hashed again', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3 * mebibyte);
  const first = new ScriptedLoader([{ bytes, cutAt: 2 * mebibyte }]);
  const cut = await openAndRead(store, listed, first);
  expect(cut.error).toMatchObject({ code: 'upstream_unreachable' });
  await idle(store);
  expect(store.space.used).toBe(2 * mebibyte);
  expect(store.results.get('cut')).toBe(1);
  const second = new ScriptedLoader([{ bytes }]);
  expect((await openAndRead(store, listed, second)).bytes.equals(bytes)).toBe(true);
  expect(second.opened).toEqual([2 * mebibyte]);
  await idle(store);
  expect([store.space.used, store.space.reserved]).toEqual([listed.size, 0]);
  expect(await readdir(store.layout.parts)).toEqual([]);
});

test('an upstream that sends nothing is given up after 9.5 s, so that the client hears in time', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(1000);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: 0, gate } }]);
  const opening = store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  const outcome = opening.catch((error: unknown) => error);
  await gate.reached;
  for (let second = 0; second < 9; second += 1) {
    await store.clock.sleeping(0, 1_000);
    store.clock.advance(1_000);
  }
  await store.clock.sleeping(0, 500);
  store.clock.advance(500);
  expect(await outcome).toMatchObject({ code: 'upstream_timeout' });
  gate.open();
});

test('a small file that takes longer than 8 s is given out but for its tail', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(100_000);
  const gate = new Gate();
  const loader = new ScriptedLoader([{ bytes, stall: { at: 80_000, gate } }]);
  const opening = store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  let opened = false;
  void opening.then(() => (opened = true));
  await gate.reached;
  await store.clock.sleeping(7_999, 8_000);
  for (let second = 0; second < 7; second += 1) {
    await store.clock.sleeping(0, 1_000);
    store.clock.advance(1_000);
  }
  expect(opened).toBe(false);
  await store.clock.sleeping(0, 1_000);
  store.clock.advance(1_000);
  const { source } = await opening;
  const early = await readPart(source, 0, 100_000 - tailOf(100_000));
  expect(early.equals(bytes.subarray(0, 100_000 - tailOf(100_000)))).toBe(true);
  gate.open();
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
});

test.each([
  [1, 1],
  [2, 1],
  [3, 1],
  [100_000, 50_000],
  [131_072, 65_536],
  [10 * mebibyte, 65_536],
])('of %i bytes the last %i wait for the digest', (size, tail) => {
  expect(tailOf(size)).toBe(tail);
});
