import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import type { OpenedFill, OpenedSlice } from '../../cache/fills/opened.ts';
import type { FillRequest } from '../../cache/fills/in-flight.ts';
import { tailOf } from '../../cache/fills/growing.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, ScriptedLoader, scriptedTransfer } from '../support/scripted-loader.ts';
import { file, idle, mebibyte, pieces, readPart } from './pieces.ts';
import type { Pieces } from './pieces.ts';

const size = 24 * mebibyte;
const { bytes, listed } = file(size);
const start = 16 * mebibyte;
const end = start + mebibyte;

/** The file up to the end of a slice, as an upstream gives it that was asked for no more. */
const slice = (until = end): { bytes: Buffer; total: number } => ({ bytes: bytes.subarray(0, until), total: size });

/** A client that asks for one range, as the gateway asks. */
function ranged(
  store: Pieces,
  request: FillRequest,
  [from, to]: readonly [number, number],
  loader: Loader,
): Promise<OpenedFill | OpenedSlice> {
  return store.fills.open(request, from, { start: from, end: to, loader: () => loader });
}

/** A fill that has `at` bytes and goes on when the gate opens. */
function stalled(at: number, gate: Gate): { request: FillRequest; filling: ScriptedLoader } {
  const filling = new ScriptedLoader([{ bytes, stall: { at, gate } }]);
  return { request: { scope: 'open', listed, loader: () => filling }, filling };
}

test('a range far into a cold file comes at once, while the fill that it started goes on to the whole', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request, filling } = stalled(0, gate);
  const slicing = new ScriptedLoader([slice()]);
  const { source, outcome } = await ranged(store, request, [start, end], slicing);
  expect([outcome, source.size]).toEqual(['partial', size]);
  expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
  source.release();
  expect([slicing.opened, filling.opened]).toEqual([[start], [0]]);
  gate.open();
  await idle(store);
  expect(await store.blobs.holds('open', listed)).toBe(true);
});

test('what lies inside the fill, or up to 8 MiB ahead of it, is read from the fill', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(9 * mebibyte, gate);
  const first = await store.fills.open(request, 0);
  await readPart(first.source, 0, 9 * mebibyte);
  // It stands still for so long that its pace promises nothing.
  store.clock.advance(60_000);
  const nobody = new ScriptedLoader([]);
  const inside = await ranged(store, request, [8 * mebibyte, 9 * mebibyte], nobody);
  expect(inside.outcome).toBe('collapsed');
  const near = ranged(store, request, [17 * mebibyte, 18 * mebibyte], nobody);
  const slicing = new ScriptedLoader([slice(18 * mebibyte)]);
  const far = await ranged(store, request, [17 * mebibyte + 1, 18 * mebibyte], slicing);
  expect(far.outcome).toBe('partial');
  gate.open();
  const { outcome, source } = await near;
  expect([outcome, nobody.opened]).toEqual(['collapsed', []]);
  for (const each of [first.source, inside.source, far.source, source]) each.release();
});

test('a fast fill is waited for when it gets there within 2 s', async () => {
  await using store = await pieces();
  const gate = new Gate();
  // 7 MiB in no time: 7 MiB a second, as far as is known.
  const { request } = stalled(7 * mebibyte, gate);
  const first = await store.fills.open(request, 0);
  await readPart(first.source, 0, 7 * mebibyte);
  const nobody = new ScriptedLoader([]);
  const near = ranged(store, request, [21 * mebibyte, 22 * mebibyte], nobody);
  await setImmediate();
  store.clock.advance(2_000);
  const far = await ranged(store, request, [21 * mebibyte, 22 * mebibyte], new ScriptedLoader([slice(22 * mebibyte)]));
  expect(far.outcome).toBe('partial');
  gate.open();
  const { outcome, source } = await near;
  expect([outcome, nobody.opened]).toEqual(['collapsed', []]);
  for (const each of [first.source, far.source, source]) each.release();
});

test('a range that touches the tail waits for the proven fill; one that ends before it does not', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(0, gate);
  const nobody = new ScriptedLoader([]);
  const last = size - tailOf(size);
  const touching = ranged(store, request, [last - 10, last + 1], nobody);
  const before = await ranged(store, request, [last - 10, last], new ScriptedLoader([slice(last)]));
  expect(before.outcome).toBe('partial');
  expect((await readPart(before.source, last - 10, last)).equals(bytes.subarray(last - 10, last))).toBe(true);
  before.source.release();
  gate.open();
  const { source, outcome } = await touching;
  expect([outcome, nobody.opened]).toEqual(['miss', []]);
  source.release();
});

test.each([
  ['says 404', new WaystationError('upstream_missing', '404')],
  ['gives the whole, or another part', new WaystationError('upstream_lied', 'answers with the whole')],
  ['says another length', { bytes, total: size + 1 }],
  ['says no length', { bytes, total: null }],
  ['begins elsewhere', { bytes, offset: start + 1 }],
])('a slice whose upstream %s is not used: the fill gives the range', async (_what, script) => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(4 * mebibyte, gate);
  const opening = ranged(store, request, [start, end], new ScriptedLoader([script]));
  await gate.reached;
  gate.open();
  const { source, outcome } = await opening;
  expect(outcome).toBe('miss');
  expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
  source.release();
});

test('a slice that is cut goes on where it was, and ends short when nobody can go on', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(0, gate);
  const healed = new ScriptedLoader([{ ...slice(), cutAt: start + 1000 }, slice(start + 2000), slice()]);
  const { source } = await ranged(store, request, [start, end], healed);
  expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
  expect(healed.opened).toEqual([start, start + 1000, start + 2000]);
  // The second of them ended early as if that were all.
  expect(healed.liars).toHaveLength(1);
  source.release();
  const lost = await ranged(store, request, [start, end], new ScriptedLoader([{ ...slice(), cutAt: start + 1000 }]));
  expect((await readPart(lost.source, start, start + 1000)).equals(bytes.subarray(start, start + 1000))).toBe(true);
  await expect(readPart(lost.source, start + 1000, end)).rejects.toThrow('no source is left');
  lost.source.release();
  gate.open();
});

test('of an upstream that sends more than was asked for, no byte more is passed on', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(0, gate);
  const talkative = new ScriptedLoader([slice(end + mebibyte)]);
  const { source } = await ranged(store, request, [start, end], talkative);
  expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
  expect(await source.read(Buffer.alloc(10), end, 10)).toBe(0);
  expect(talkative.liars).toHaveLength(1);
  source.release();
  gate.open();
});

test('the fill of a large file goes on while its ranges are read, and is given up 30 s after the last reader left', async () => {
  const large = file(40 * mebibyte);
  await using store = await pieces();
  const gate = new Gate();
  const filling = new ScriptedLoader([{ bytes: large.bytes, stall: { at: mebibyte, gate } }]);
  const request = { scope: 'open', listed: large.listed, loader: () => filling };
  const wall = new Gate();
  const script = { bytes: large.bytes, stall: { at: start + mebibyte, gate: wall } };
  const { source } = await ranged(store, request, [start, 30 * mebibyte], new ScriptedLoader([script]));
  await Promise.all([gate.reached, wall.reached]);
  store.clock.advance(60_000);
  await setImmediate();
  expect(store.results.get('abandoned')).toBeUndefined();
  source.release();
  await store.clock.sleeping(30_000, 30_000);
  store.clock.advance(30_000);
  await idle(store);
  expect(store.results.get('abandoned')).toBe(1);
});

test('a file that cannot be stored still gives its ranges, without being transferred whole', async () => {
  await using store = await pieces({ limits: { max: () => mebibyte, keepFree: () => 0 } });
  const nobody = new ScriptedLoader([]);
  const request = { scope: 'open', listed, loader: () => nobody };
  const { source, outcome } = await ranged(store, request, [start, end], new ScriptedLoader([slice()]));
  expect(outcome).toBe('partial');
  expect((await readPart(source, start, end)).equals(bytes.subarray(start, end))).toBe(true);
  source.release();
  expect(nobody.opened).toEqual([]);
});

/** Gives a slice once the gate is open. */
class GatedLoader implements Loader {
  readonly #gate: Gate;
  readonly #began: () => void;

  constructor(gate: Gate, began: () => void) {
    this.#gate = gate;
    this.#began = began;
  }

  async open(offset: number, signal: AbortSignal): Promise<Transfer> {
    this.#began();
    await passed(this.#gate, signal);
    return scriptedTransfer(slice(), offset, signal);
  }

  lied(): void {}
}

test('256 ranges at once take turns, 32 at a time, and each gets its own', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const { request } = stalled(0, gate);
  const first = new Gate();
  const full = Promise.withResolvers<void>();
  let begun = 0;
  const begin = (): void => {
    begun += 1;
    if (begun === 32) full.resolve();
  };
  const opening = Array.from({ length: 256 }, (_, index) =>
    ranged(store, request, [end - 100 - index, end], new GatedLoader(first, begin)),
  );
  await full.promise;
  await setImmediate();
  expect(begun).toBe(32);
  first.open();
  for (const [index, { outcome, source }] of (await Promise.all(opening)).entries()) {
    expect(outcome).toBe('partial');
    const from = end - 100 - index;
    expect((await readPart(source, from, end)).equals(bytes.subarray(from, end))).toBe(true);
    source.release();
  }
  gate.open();
});

test('an upstream that says nothing costs 9.5 s, whatever it is asked, and the turn is free again', async () => {
  await using store = await pieces();
  const silence = new Gate();
  const nobody = new ScriptedLoader([], { before: silence });
  const request = { scope: 'open', listed, loader: () => nobody };
  const opening = ranged(store, request, [start, end], new GatedLoader(silence, () => {}));
  const failed = expect(opening).rejects.toMatchObject({ code: 'upstream_timeout' });
  await store.clock.sleeping(9_000, 9_000);
  store.clock.advance(9_000);
  await store.clock.sleeping(1, 500);
  store.clock.advance(500);
  await failed;
  // Nobody follows it any more, and it is small enough to go on: told to stop with the store.
  await store.fills.close();
});
