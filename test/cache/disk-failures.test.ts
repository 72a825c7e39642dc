import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm } from '../../base/digest.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { bytesBelow, file, idle, mebibyte, pieces, readAll } from './pieces.ts';

const patient = new AbortController().signal;

test.each<[string, number, Algorithm]>([
  ['small', 10_000, 'sha256'],
  ['large', 2 * mebibyte, 'sha256'],
  ['small, listed by sha512,', 10_000, 'sha512'],
  ['large, listed by sha1,', 2 * mebibyte, 'sha1'],
])(
  'whichever disk call fails while a %s file is stored: its client has it, nothing is miscounted',
  async (_, size, algorithm) => {
    for (let n = 1; ; n += 1) {
      const disk = FaultyDisk.failingNth(n);
      await using store = await pieces({ disk });
      const held = file(5000);
      const { bytes, listed } = file(size, algorithm);
      const loader = new ScriptedLoader([], { again: { bytes } });
      const request = { scope: 'open', listed, loader: () => loader };
      const { source } = await store.fills.open(request, 0);
      const got = await readAll(source);
      expect(got.error).toBeNull();
      expect(got.bytes.equals(bytes)).toBe(true);
      await idle(store);
      expect([store.space.used, store.space.reserved]).toEqual([
        await bytesBelow(store.layout.blobs, store.layout.parts),
        0,
      ]);
      const found = await store.blobs.open('open', listed);
      if (found !== null) expect((await readAll(found)).bytes.equals(bytes)).toBe(true);
      if (disk.calls.length < n) break;
      // The disk is well again: this file and others are stored, and counted once.
      store.clock.advance(10_000);
      if (!(await store.blobs.holds('open', listed))) await store.fills.ensure(request, patient);
      const other = { scope: 'open', listed: held.listed, loader: () => new ScriptedLoader([{ bytes: held.bytes }]) };
      await store.fills.ensure(other, patient);
      await idle(store);
      expect(await store.blobs.holds('open', listed)).toBe(true);
      expect([store.space.used, store.space.reserved]).toEqual([
        await bytesBelow(store.layout.blobs, store.layout.parts),
        0,
      ]);
      expect(store.space.state).toBe('ok');
      expect(n).toBeLessThan(60);
    }
  },
);

test('a file committed before is not lost, whichever disk call fails while its equal by another algorithm is stored', async () => {
  for (let n = 1; ; n += 1) {
    await using before = await pieces();
    const { bytes, listed } = file(5000);
    await before.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
    const disk = FaultyDisk.failingNth(n);
    await using store = await pieces({ root: before.root, disk });
    const other = { digest: digestOf(bytes, 'sha512'), size: bytes.length };
    const request = { scope: 'open', listed: other, loader: () => new ScriptedLoader([{ bytes }]) };
    await store.fills.ensure(request, patient).catch(() => {});
    await idle(before);
    expect(await before.blobs.holds('open', listed)).toBe(true);
    await idle(store);
    if (disk.calls.length < n) break;
    expect(n).toBeLessThan(40);
  }
});

test('a file whose name could not be synced is held for a sync only when a later sync of its folder succeeds', async () => {
  let sick = true;
  const disk = new FaultyDisk(({ call, path }) =>
    sick && call === 'syncFolder' && path.includes('blobs') ? 'EIO' : null,
  );
  await using store = await pieces({ disk });
  const { bytes, listed } = file(5000);
  const request = { scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) };
  await expect(store.fills.ensure(request, patient)).rejects.toMatchObject({ code: 'disk_failing' });
  expect(await store.blobs.holds('open', listed)).toBe(false);
  // Its bytes are right, so that it is served.
  expect((await readAll((await store.blobs.open('open', listed))!)).bytes).toEqual(bytes);
  sick = false;
  expect(await store.blobs.holds('open', listed)).toBe(true);
});

test('a file system without hard links stores what other algorithms list all the same', async () => {
  const disk = new FaultyDisk(({ call }) => (call === 'link' ? 'EPERM' : null));
  await using store = await pieces({ disk });
  const { bytes, listed } = file(5000, 'sha512');
  await store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  expect([await store.blobs.holds('open', listed), store.space.state]).toEqual([true, 'ok']);
});

test('a file that was shortened by hand is moved aside and fetched again', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(5000);
  const request = { scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) };
  await store.fills.ensure(request, patient);
  await writeFile(store.layout.blob('open', listed), bytes.subarray(0, 100));
  expect(await store.blobs.open('open', listed)).toBeNull();
  expect([store.space.used, store.index.size]).toEqual([0, 0]);
  await idle(store);
  await store.fills.ensure(request, patient);
  expect((await readAll((await store.blobs.open('open', listed))!)).bytes).toEqual(bytes);
});

test('a file that was removed by hand is counted no more', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(5000);
  await store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  await rm(store.layout.blob('open', listed));
  expect(await store.blobs.open('open', listed)).toBeNull();
  expect([store.space.used, store.index.size]).toEqual([0, 0]);
});

test('a held file that is shortened while it is read is an error, not an early end', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(5000);
  await store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
  const held = await store.blobs.open('open', listed);
  await writeFile(store.layout.blob('open', listed), bytes.subarray(0, 100));
  const got = await readAll(held!);
  expect(got.error).toMatchObject({ code: 'blob_damaged' });
  expect(got.bytes.length).toBe(100);
});

test('when the folders are removed under the service, it stores again into new ones', async () => {
  await using store = await pieces();
  const [first, second] = [file(5000), file(6000)];
  const ensure = ({ bytes, listed }: typeof first): Promise<void> =>
    store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([], { again: { bytes } }) }, patient);
  await ensure(first);
  await idle(store);
  store.blobs.close();
  await rm(store.layout.blobs, { recursive: true });
  expect(await store.blobs.open('open', first.listed)).toBeNull();
  await ensure(second);
  // In a folder that it had made before.
  await ensure(first);
  expect(await store.blobs.holds('open', first.listed)).toBe(true);
  expect(store.space.used).toBe(11_000);
});
