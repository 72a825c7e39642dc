import { readdir, rm, writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { LogLines } from '../support/log-lines.ts';
import type { Script } from '../support/scripted-loader.ts';
import { bytesBelow, file, mebibyte, readAll, readPart } from './pieces.ts';
import { fixture } from './unlisted-fixture.ts';

const missing = new WaystationError('upstream_missing', '404');
const none = { max: () => 0, keepFree: () => 0 };
const fiveMinutes = 5 * 60_000;

test('a file is fetched once, kept, and served for five minutes without asking', async () => {
  await using f = await fixture();
  const { bytes } = file(300_000);
  f.upstream.say({ bytes, etag: '"1"', contentType: 'application/octet-stream' });
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-miss', error: null });
  f.clock.advance(fiveMinutes - 1);
  const again = await f.open();
  expect(again).toMatchObject({ outcome: 'unlisted-hit', contentType: 'application/octet-stream' });
  expect((await readAll(again!.source)).bytes.equals(bytes)).toBe(true);
  expect(f.upstream.asked).toEqual([null]);
  expect([f.space.used, f.space.reserved]).toEqual([300_000, 0]);
  expect(await f.unlisted.holds('base', 'images/boot.iso', 'open')).toBe(true);
});

test('later it is asked for with its validators: a 304 confirms it for another five minutes', async () => {
  await using f = await fixture();
  const { bytes } = file(1000);
  f.upstream.say({ bytes, etag: '"1"' }, 'not-modified');
  await f.get();
  f.clock.advance(fiveMinutes);
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit', bytes });
  f.clock.advance(fiveMinutes - 1);
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit' });
  expect(f.upstream.asked).toEqual([null, { etag: '"1"', lastModified: null }]);
});

test('a changed file replaces the one before', async () => {
  await using f = await fixture();
  const [old, young] = [file(1000), file(2000)];
  f.upstream.say({ bytes: old.bytes }, { bytes: young.bytes });
  await f.get();
  f.clock.advance(fiveMinutes);
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-miss', bytes: young.bytes });
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit', bytes: young.bytes });
});

test('a good copy outlives its upstream’s 404, which is not asked for again for a minute', async () => {
  await using f = await fixture();
  const { bytes } = file(1000);
  f.upstream.say({ bytes }, missing);
  await f.get();
  f.clock.advance(fiveMinutes);
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit', bytes });
  f.clock.advance(59_999);
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit', bytes });
  expect(f.upstream.asked).toHaveLength(2);
  f.clock.advance(1);
  await f.get();
  expect(f.upstream.asked).toHaveLength(3);
});

test('an upstream that is known to be gone costs no time: the copy is served stale, and asked for behind it', async () => {
  await using f = await fixture();
  const { bytes } = file(1000);
  f.upstream.say({ bytes });
  await f.get();
  f.clock.advance(fiveMinutes);
  f.upstream.up = false;
  const gate = new Gate();
  f.upstream.say(gate, 'not-modified');
  expect(await f.get()).toMatchObject({ outcome: 'stale', bytes });
  gate.open();
  while ((await f.get())?.outcome === 'stale') await setImmediate();
  expect(f.upstream.asked).toHaveLength(2);
});

test('an upstream that hangs delays a held copy by a second, and those who come during that second no longer', async () => {
  await using f = await fixture();
  const { bytes } = file(1000);
  f.upstream.say({ bytes });
  await f.get();
  f.clock.advance(fiveMinutes);
  f.upstream.say(new Gate());
  const first = f.get();
  await f.clock.sleeping(1000, 1000);
  f.clock.advance(700);
  const second = f.get();
  await f.clock.sleeping(300, 300);
  while (f.upstream.asked.length < 2) await setImmediate();
  f.clock.advance(300);
  for (const got of await Promise.all([first, second])) expect(got).toMatchObject({ outcome: 'stale', bytes });
  // Who comes now does not wait at all: the clock stands still.
  expect(await f.get()).toMatchObject({ outcome: 'stale', bytes });
  expect(f.upstream.asked).toHaveLength(2);
});

test('an upstream that fails leaves the held copy, stale', async () => {
  await using f = await fixture();
  const { bytes } = file(1000);
  f.upstream.say({ bytes }, new WaystationError('upstream_status', '500'));
  await f.get();
  f.clock.advance(fiveMinutes);
  expect(await f.get()).toMatchObject({ outcome: 'stale', bytes });
});

test('a file that was never seen is an error while the upstream is down, and null when it says that there is none', async () => {
  await using f = await fixture();
  await expect(f.open()).rejects.toMatchObject({ code: 'upstream_unreachable' });
  f.upstream.say(missing);
  expect(await f.open()).toBeNull();
  f.clock.advance(59_999);
  expect(await f.open()).toBeNull();
  expect(f.upstream.asked).toHaveLength(2);
  f.clock.advance(1);
  const { bytes } = file(10);
  f.upstream.say({ bytes });
  expect(await f.get()).toMatchObject({ outcome: 'unlisted-miss', bytes });
});

test('a failure is not remembered as an absence', async () => {
  await using f = await fixture();
  const { bytes } = file(10);
  f.upstream.say(new WaystationError('upstream_timeout', 'late'), { bytes });
  await expect(f.open()).rejects.toMatchObject({ code: 'upstream_timeout' });
  expect(await f.get()).toMatchObject({ bytes });
});

test('an upstream that does not answer a first request is given up after 9 s', async () => {
  await using f = await fixture();
  f.upstream.say(new Gate());
  const opening = f.open().catch((error: unknown) => error);
  await f.clock.sleeping(9_000, 9_000);
  f.clock.advance(9_000);
  expect(await opening).toMatchObject({ code: 'upstream_timeout' });
});

test('a body may take as long as it needs once the upstream has answered', async () => {
  await using f = await fixture();
  const { bytes } = file(2 * mebibyte);
  const gate = new Gate();
  f.upstream.say({ bytes, stall: { at: mebibyte, gate } });
  const opened = await f.open();
  await gate.reached;
  f.clock.advance(60 * 60_000);
  gate.open();
  expect((await readAll(opened!.source)).bytes.equals(bytes)).toBe(true);
});

test('clients that come at once share one request, also those who come while it is stored', async () => {
  await using f = await fixture();
  const { bytes } = file(2 * mebibyte);
  const [before, during] = [new Gate(), new Gate()];
  f.upstream.say(before, { bytes, stall: { at: mebibyte, gate: during } });
  const opening = [f.open(), f.open()];
  before.open();
  const opened = await Promise.all(opening);
  await during.reached;
  opened.push(await f.open());
  during.open();
  for (const one of opened) expect((await readAll(one!.source)).bytes.equals(bytes)).toBe(true);
  expect(f.upstream.asked).toHaveLength(1);
});

test('a file of unknown length is passed on as it comes and kept with the length it had', async () => {
  await using f = await fixture();
  const { bytes } = file(20 * mebibyte);
  f.upstream.say({ bytes, total: null });
  const opened = await f.open();
  expect(opened!.source.size).toBeNull();
  expect((await readAll(opened!.source)).bytes.equals(bytes)).toBe(true);
  await f.ended();
  expect(f.space.used).toBe(bytes.length);
  const { source } = (await f.open())!;
  expect(source.size).toBe(bytes.length);
  source.release();
});

test.each<[string, (bytes: Buffer) => Script]>([
  ['is cut', (bytes) => ({ bytes, cutAt: 150_000 })],
  ['ends too early', (bytes) => ({ bytes: bytes.subarray(0, 150_000), total: 200_000 })],
  ['is longer than announced', (bytes) => ({ bytes: Buffer.concat([bytes, bytes]), total: 200_000 })],
])('a body that %s reaches no client whole and is not kept; the good copy stays', async (_, lie) => {
  await using f = await fixture();
  const good = file(1000);
  const { bytes } = file(200_000);
  f.upstream.say({ bytes: good.bytes }, lie(bytes));
  await f.get();
  f.clock.advance(fiveMinutes);
  const got = await f.get();
  expect(got!.error).not.toBeNull();
  expect(got!.bytes.length).toBeLessThan(200_000);
  expect(await f.get()).toMatchObject({ outcome: 'stale', bytes: good.bytes });
  expect([f.space.used, f.space.reserved]).toEqual([1000, 0]);
});

test('the page of a captive portal is no file, unless HTML was asked for', async () => {
  await using f = await fixture();
  const page: Script = { bytes: Buffer.from('<html>log in'), contentType: 'text/html; charset=utf-8' };
  f.upstream.say(page);
  await expect(f.open()).rejects.toMatchObject({ code: 'upstream_lied' });
  expect(f.upstream.cancelled).toBe(1);
  const { bytes } = file(1000);
  f.upstream.say({ bytes });
  await f.get();
  f.clock.advance(fiveMinutes);
  f.upstream.say(page);
  expect(await f.get()).toMatchObject({ outcome: 'stale', bytes });
  await using html = await fixture({ name: 'docs/index.html' });
  html.upstream.say(page);
  expect(await html.get()).toMatchObject({ outcome: 'unlisted-miss' });
});

test('without room a file is passed through, each client its own transfer', async () => {
  await using f = await fixture({ limits: none });
  const { bytes } = file(2 * mebibyte);
  const gate = new Gate();
  f.upstream.say(gate, { bytes }, { bytes });
  const opening = [f.open(), f.open()];
  gate.open();
  const opened = await Promise.all(opening);
  expect(opened.map((one) => one?.outcome)).toEqual(['bypass', 'bypass']);
  for (const one of opened) expect((await readAll(one!.source)).bytes.equals(bytes)).toBe(true);
  expect(f.upstream.asked).toHaveLength(2);
  expect(await bytesBelow(f.root)).toBe(0);
});

test('of clients that revalidate together, one has the transfer that cannot be stored, the others the copy', async () => {
  let max = 2 ** 40;
  await using f = await fixture({ limits: { max: () => max, keepFree: () => 0 } });
  const [old, young] = [file(1000), file(2000)];
  f.upstream.say({ bytes: old.bytes });
  await f.get();
  max = 0;
  f.clock.advance(fiveMinutes);
  const gate = new Gate();
  f.upstream.say(gate, { bytes: young.bytes });
  const opening = [f.open(), f.open(), f.open()];
  await gate.reached;
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  gate.open();
  const opened = await Promise.all(opening);
  expect(opened.map((one) => one!.outcome).toSorted()).toEqual(['bypass', 'stale', 'stale']);
  for (const one of opened) {
    const { bytes } = await readAll(one!.source);
    expect(bytes).toEqual(one!.outcome === 'bypass' ? young.bytes : old.bytes);
  }
});

test('an unstorable transfer that comes too late for everybody is given up', async () => {
  let max = 2 ** 40;
  await using f = await fixture({ limits: { max: () => max, keepFree: () => 0 } });
  const [old, young] = [file(1000), file(2000)];
  f.upstream.say({ bytes: old.bytes });
  await f.get();
  max = 0;
  f.clock.advance(fiveMinutes);
  const gate = new Gate();
  f.upstream.say(gate, { bytes: young.bytes });
  const opening = f.open();
  await f.clock.sleeping(1000, 1000);
  f.clock.advance(1000);
  const opened = await opening;
  expect(opened!.outcome).toBe('stale');
  opened!.source.release();
  gate.open();
  while (f.upstream.cancelled === 0) await setImmediate();
});

test.each(['ENOSPC', 'EIO'])('a disk that fails with %s under a fetch costs its client nothing', async (code) => {
  const disk = new FaultyDisk(({ call, to }) => (call === 'write' && Number(to) >= mebibyte ? code : null));
  await using f = await fixture({ disk });
  const { bytes } = file(3 * mebibyte);
  const gate = new Gate();
  f.upstream.say({ bytes, stall: { at: mebibyte, gate } }, { bytes });
  const opened = await f.open();
  await readPart(opened!.source, 0, 500_000);
  gate.open();
  const rest = await readAll(opened!.source, { start: 500_000 });
  expect(rest.error).toBeNull();
  expect(rest.bytes.equals(bytes.subarray(500_000))).toBe(true);
  await f.ended();
  expect([f.space.used, await readdir(f.layout.parts)]).toEqual([0, []]);
});

test('a client whose fetch the disk ended is cut when the file has changed since', async () => {
  const disk = new FaultyDisk(({ call, to }) => (call === 'write' && Number(to) >= mebibyte ? 'EIO' : null));
  await using f = await fixture({ disk });
  const [old, young] = [file(3 * mebibyte), file(3 * mebibyte)];
  const gate = new Gate();
  f.upstream.say({ bytes: old.bytes, stall: { at: mebibyte, gate } }, { bytes: young.bytes });
  const opened = await f.open();
  await readPart(opened!.source, 0, 500_000);
  gate.open();
  expect((await readAll(opened!.source, { start: 500_000 })).error).toMatchObject({ code: 'upstream_lied' });
});

test('a file of unknown length that outgrows the room is passed on to its end', async () => {
  await using f = await fixture({ limits: { max: () => 17 * mebibyte, keepFree: () => 0 } });
  const { bytes } = file(18 * mebibyte);
  f.upstream.say({ bytes, total: null }, { bytes, total: null });
  const got = await f.get();
  expect(got!.error).toBeNull();
  expect(got!.bytes.equals(bytes)).toBe(true);
  expect([f.space.used, f.space.state]).toEqual([0, 'full']);
  // The disk itself is well: what fits is stored at once.
  expect(await f.space.reserve(mebibyte)).not.toBeNull();
});

test('what another scope fetched is not served', async () => {
  await using f = await fixture();
  const [mine, theirs] = [file(1000), file(1000)];
  f.upstream.say({ bytes: theirs.bytes }, { bytes: mine.bytes });
  await f.get();
  const opened = await f.open('corp-1');
  expect(opened!.outcome).toBe('unlisted-miss');
  expect((await readAll(opened!.source)).bytes).toEqual(mine.bytes);
  await f.ended();
  expect(await f.unlisted.holds('base', 'images/boot.iso', 'open')).toBe(false);
});

test('a copy whose bytes were lost is fetched as if never seen, whatever others are being told', async () => {
  await using f = await fixture();
  const { bytes, listed } = file(1000);
  f.upstream.say({ bytes });
  await f.get();
  f.clock.advance(fiveMinutes);
  const gate = new Gate();
  f.upstream.say(gate, 'not-modified', { bytes });
  const holder = f.open();
  await gate.reached;
  while (f.upstream.asked.length < 2) await setImmediate();
  f.blobs.close();
  await rm(f.layout.blob('open', listed));
  const loser = f.open();
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  gate.open();
  for (const opened of await Promise.all([holder, loser])) {
    expect((await readAll(opened!.source)).bytes).toEqual(bytes);
  }
});

test('who comes while the end of a fetch is noted reads the copy that it left', async () => {
  const gate = new Gate();
  const notes = memoryNotes();
  const slow = { ...notes, put: () => new Promise<void>((resolve) => void gate.come(resolve)) };
  await using f = await fixture({ notes: slow });
  const { bytes } = file(1000);
  f.upstream.say({ bytes });
  await readAll((await f.open())!.source);
  await gate.reached;
  const opened = await f.open();
  expect(opened!.outcome).toBe('unlisted-hit');
  expect((await readAll(opened!.source)).bytes).toEqual(bytes);
  gate.open();
});

test.each(['', '{"format":1', 'null', '{"format":1,"repository":"base","file":"images/boot.iso"}'])(
  'an entry that reads %j is as if it were not there',
  async (text) => {
    await using f = await fixture();
    const { bytes } = file(1000);
    await writeFile(f.layout.unlistedEntry('base', 'images/boot.iso'), text);
    f.upstream.say({ bytes });
    expect(await f.get()).toMatchObject({ outcome: 'unlisted-miss', bytes });
  },
);

test('whichever disk call fails while a file is kept, its client has it whole and no byte is miscounted', async () => {
  for (let n = 1; ; n += 1) {
    const disk = FaultyDisk.failingNth(n);
    await using f = await fixture({ disk });
    const { bytes } = file(150_000);
    f.upstream.say({ bytes }, { bytes }, { bytes });
    const got = await f.get();
    expect(got!.error).toBeNull();
    expect(got!.bytes.equals(bytes)).toBe(true);
    expect([f.space.used, f.space.reserved]).toEqual([await bytesBelow(f.layout.blobs, f.layout.parts), 0]);
    f.clock.advance(10_000);
    const again = await f.get();
    expect(again!.bytes.equals(bytes)).toBe(true);
    if (disk.calls.length < n) break;
    expect(n).toBeLessThan(40);
  }
});

test.each(['', 'garbage', 'null', '{}', '{"format":1,"repository":"base"}'])(
  'a pointer that reads %j is said once and removed; the file is fetched again',
  async (text) => {
    const log = new LogLines();
    await using f = await fixture({ log });
    const path = f.layout.unlistedEntry('base', 'images/boot.iso');
    await writeFile(path, text);
    const { bytes } = file(3000);
    f.upstream.say({ bytes });
    expect(await f.unlisted.holds('base', 'images/boot.iso', 'open')).toBe(false);
    expect(await readdir(f.layout.unlisted)).toEqual([]);
    expect(await f.get()).toMatchObject({ outcome: 'unlisted-miss', error: null });
    expect(await f.get()).toMatchObject({ outcome: 'unlisted-hit', error: null });
    expect(log.about(/pointer to an unlisted file cannot be read/)).toMatchObject([
      { level: 'warn', fields: { path } },
    ]);
  },
);
