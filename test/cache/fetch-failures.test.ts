import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import type { PlainFailure } from '../../base/plain-get.ts';
import { expectHeld, expectTidy, fetching, PlainLoader } from './fetching.ts';
import { file, flipped, idle } from './pieces.ts';

const patient = new AbortController().signal;

/** Fetches that end so: what comes then is a step of their own. */
const failures: readonly PlainFailure[] = ['missing', 'refused', 'odd', 'late', 'cut', 'wrong', 'lost'];

test.each(failures)('a file whose fetch ends as “%s” comes by a transfer of the same loader', async (failure) => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([{ bytes }]);
  const held = store.sink.ensure('open', listed, loader, patient);
  store.fetching.fetch.fail(failure);
  await held;
  await expectHeld(store, listed);
  expect(store.space.used).toBe(30_000);
  expect([loader.opened, loader.ends.map((end) => end.failure), loader.liars]).toEqual([[0], [failure], []]);
  expect(loader.told).toEqual(['received', 'done']);
  await idle(store);
  expect(store.results.get('stored')).toBe(1);
  expect(store.fetching.calls.filter(({ call }) => call === 'rename')).toHaveLength(1);
});

test('wrong bytes are counted and said, and the origin may try once more', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([{ bytes }]), patient);
  store.fetching.fetch.fail('wrong');
  await held;
  expect(store.results.get('verification_failures_total')).toBe(1);
  expect(store.log.about(/not what metadata lists/)).toMatchObject([
    { level: 'warn', fields: { source: 'http://origin.example/file' } },
  ]);
});

test('an origin that gives wrong bytes again has lied, and nothing is kept', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const alone = new WaystationError('upstream_lied', 'no source gives it as its metadata lists it');
  const loader = new PlainLoader([{ bytes: flipped(bytes, 7) }, alone]);
  const held = store.sink.ensure('open', listed, loader, patient);
  store.fetching.fetch.fail('wrong');
  await expect(held).rejects.toMatchObject({ code: 'upstream_lied' });
  expect(loader.liars).toHaveLength(1);
  expect(store.results.get('verification_failures_total')).toBe(2);
  expect(store.results.get('lied')).toBe(1);
  expect([store.space.used, store.fills.active]).toEqual([0, 0]);
  await expectTidy(store);
});

test('a failure that the transfer shares is told, once, and the next sync tries again', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  store.fetching.fetch.fail('missing');
  await expect(held).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(store.results.get('refused')).toBe(1);
  await expectTidy(store);
  const again = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await again;
  await expectHeld(store, listed);
});

test('a file that a lost thread had put is removed before it comes the ordinary way', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const held = store.sink.ensure('open', listed, new PlainLoader([{ bytes }]), patient);
  const { path } = store.fetching.fetch;
  await writeFile(path, bytes.subarray(0, 20_000));
  store.fetching.fetch.fail('lost');
  await held;
  await expectHeld(store, listed);
  expect(store.space.used).toBe(30_000);
  const ofPart = store.fetching.calls.filter((call) => call.path === path).map(({ call }) => call);
  expect(ofPart.slice(0, 2)).toEqual(['unlink', 'openPart']);
});

test('a proven file that meets what an earlier try left is held without another transfer, and counted once', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const path = store.layout.part('open', listed);
  await writeFile(path, bytes.subarray(0, 20_000));
  store.space.adjust(20_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  await store.fetching.fetch.bring(bytes);
  await held;
  expect(loader.ends.map(({ failure }) => failure)).toEqual(['unputtable']);
  expect(loader.opened).toEqual([]);
  await expectHeld(store, listed);
  expect(store.space.used).toBe(30_000);
});

test('a proven file keeps its slot while it cannot be put: its bytes are in memory', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  store.fetching.fetch.fail('unputtable', bytes);
  expect(loader.told).toEqual([]);
  await held;
  expect(loader.told).toEqual(['received', 'done']);
  await expectHeld(store, listed);
});

test('a proven file for which the disk is full is refused as that, and takes no room', async () => {
  let full = true;
  await using store = await fetching({ fails: ({ call }) => (full && call === 'write' ? 'ENOSPC' : null) });
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([]);
  const held = store.sink.ensure('open', listed, loader, patient);
  await store.fetching.fetch.bring(bytes);
  await expect(held).rejects.toMatchObject({ code: 'disk_full' });
  expect([loader.opened, loader.told]).toEqual([[], ['received', 'done']]);
  expect([store.space.used, store.fills.active, store.space.state]).toEqual([0, 0, 'full']);
  await expectTidy(store);
  full = false;
  store.clock.advance(10_000);
  await store.space.measure();
  const again = store.sink.ensure('open', listed, new PlainLoader([]), patient);
  await store.fetching.fetch.bring(bytes);
  await again;
  await expectHeld(store, listed);
  expect(store.space.state).toBe('ok');
});

test('“unputtable” without the bytes is a failure like others', async () => {
  await using store = await fetching();
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([{ bytes }]);
  const held = store.sink.ensure('open', listed, loader, patient);
  store.fetching.fetch.fail('unputtable');
  await held;
  expect(loader.opened).toEqual([0]);
  await expectHeld(store, listed);
});

test('what the disk keeps of a file that could not be put goes before the file comes again, and is not counted', async () => {
  let failing = ['stamp', 'unlink', 'unlink'];
  const fails = ({ call }: { call: string }): string | null => {
    const at = failing.indexOf(call);
    failing = failing.toSpliced(at, at < 0 ? 0 : 1);
    return at < 0 ? null : 'EIO';
  };
  await using store = await fetching({ fails });
  const { bytes, listed } = file(30_000);
  const loader = new PlainLoader([{ bytes }]);
  const held = store.sink.ensure('open', listed, loader, patient);
  await store.fetching.fetch.bring(bytes);
  await held;
  expect([failing, loader.ends.map(({ failure }) => failure)]).toEqual([[], ['lost']]);
  await expectHeld(store, listed);
  expect(store.space.used).toBe(30_000);
});
