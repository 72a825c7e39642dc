import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import { GroupCommit } from '../../disk/group-commit.ts';
import type { FaultyDisk as Recorder } from '../support/faulty-disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { bytesBelow, commit, file, pieces } from '../cache/pieces.ts';
import type { Pieces } from '../cache/pieces.ts';

async function keepAll(store: Pieces, count: number, size = 100): Promise<PromiseSettledResult<void>[]> {
  const files = Array.from({ length: count }, () => file(size));
  return Promise.allSettled(
    files.map(async (each) => {
      const reservation = await store.space.reserve(size);
      if (reservation === null) throw new Error('no space');
      await commit(store, each, reservation);
    }),
  );
}

const rejected = (results: readonly PromiseSettledResult<void>[]): number =>
  results.filter(({ status }) => status === 'rejected').length;

const count = (disk: Recorder, name: string): number => disk.calls.filter(({ call }) => call === name).length;

test.each<[string, boolean, string[]]>([
  ['a folder that it makes', false, ['makeFolder']],
  ['a folder that another made', true, []],
])('a single file waits for nobody: stamped, synced, renamed into %s, then that synced', async (_, beside, made) => {
  const disk = new FaultyDisk();
  await using store = await pieces({ disk });
  // The first one syncs the way from the top, once.
  const first = file(100);
  await commit(store, first, (await store.space.reserve(100))!);
  const folder = store.layout.blobFolder('open', first.listed.digest);
  let { bytes, listed } = file(1_000);
  while ((store.layout.blobFolder('open', listed.digest) === folder) !== beside) ({ bytes, listed } = file(1_000));
  const part = await disk.openPart(store.layout.part('open', listed));
  await part.write([bytes], 0);
  const reservation = (await store.space.reserve(1_000))!;
  const sealed = { path: store.layout.part('open', listed), stamp: () => part.stamp(), sync: () => part.sync() };
  disk.calls.length = 0;
  await store.blobs.commit({ part: sealed, scope: 'open', listed, sha256: listed.digest, reservation });
  await part.close();
  expect(disk.calls.map(({ call }) => call)).toEqual(['stamp', 'sync', ...made, 'rename', 'syncFolder']);
});

test('files that come together share a few syncs of the whole file system, none has one of its own', async () => {
  const disk = new FaultyDisk();
  await using store = await pieces({ disk });
  const results = await keepAll(store, 400);
  expect([rejected(results), store.index.size]).toEqual([0, 400]);
  expect(count(disk, 'sync') + count(disk, 'syncFolder')).toBeLessThan(40);
  expect(count(disk, 'syncAll')).toBeGreaterThan(0);
  expect(count(disk, 'syncAll')).toBeLessThan(40);
});

test('no name is given before the bytes are durable, nor a commit told before the name is', async () => {
  const disk = new FaultyDisk();
  await using store = await pieces({ disk });
  await keepAll(store, 200);
  const at = (name: string, path: (path: string) => boolean): number[] =>
    disk.calls.flatMap(({ call, path: of }, index) => (call === name && path(of) ? [index] : []));
  const syncs = at('syncAll', () => true);
  for (const [index, { call, path, to }] of disk.calls.entries()) {
    if (call !== 'rename' || typeof to !== 'string' || !to.includes('/blobs/')) continue;
    const written = at('stamp', (of) => of === path)[0] ?? Infinity;
    const durable = [...syncs, ...at('sync', (of) => of === path)];
    expect(durable.some((sync) => sync > written && sync < index)).toBe(true);
    const folders = at('syncFolder', (of) => to.startsWith(of));
    expect([...syncs, ...folders].some((sync) => sync > index)).toBe(true);
  }
});

test('where the whole cannot be synced, files and folders are synced one by one', async () => {
  const disk = new FaultyDisk(({ call }) => (call === 'syncAll' ? 'ENOSYS' : null));
  await using store = await pieces({ disk });
  expect(rejected(await keepAll(store, 60))).toBe(0);
  expect(count(disk, 'sync')).toBe(60);
  expect(count(disk, 'syncFolder')).toBeGreaterThan(0);
});

test('one file that cannot be synced does not concern the others', async () => {
  let failed = 0;
  const disk = new FaultyDisk(({ call }) =>
    call === 'syncAll' || (call === 'sync' && (failed += 1) === 3) ? 'EIO' : null,
  );
  await using store = await pieces({ disk });
  expect(rejected(await keepAll(store, 30))).toBe(1);
  expect(store.index.size).toBe(29);
});

test('a folder that cannot be synced fails what was named in it, and holds tries again', async () => {
  let sick = true;
  const disk = new FaultyDisk(({ call, path }) =>
    call === 'syncFolder' && sick && /sha256\/../.test(path) ? 'EIO' : null,
  );
  await using store = await pieces({ disk });
  const one = file(500);
  await expect(commit(store, one, (await store.space.reserve(500))!)).rejects.toMatchObject({ code: 'disk_failing' });
  expect(await store.blobs.holds('open', one.listed)).toBe(false);
  sick = false;
  expect(await store.blobs.holds('open', one.listed)).toBe(true);
  expect(store.space.used).toBe(await bytesBelow(store.layout.blobs));
});

test('while others are synced a file is written at once, and named in the next round', async () => {
  const syncing = Promise.withResolvers<boolean>();
  const first = Promise.withResolvers<void>();
  const syncAll = (): Promise<boolean> => (first.resolve(), syncing.promise);
  const group = new GroupCommit({ ...systemDisk, syncAll, syncFolder: async () => {} }, '/');
  const written: string[] = [];
  const named: string[] = [];
  const add = (name: string): Promise<void> =>
    group.add({
      write: async () => void written.push(name),
      sync: async () => {},
      name: async () => (named.push(name), '/folder'),
    });
  const round = Array.from({ length: 16 }, (_, number) => add(`first ${number}`));
  await first.promise;
  const more = add('second');
  expect(written.includes('second')).toBe(true);
  for (let turns = 0; turns < 20; turns += 1) await setImmediate();
  expect(named).toEqual([]);
  syncing.resolve(true);
  await Promise.all([...round, more]);
  expect([written.length, named.length]).toEqual([17, 17]);
});

test('one file that cannot be written gets no name, and does not concern the others', async () => {
  const group = new GroupCommit({ ...systemDisk, syncAll: async () => true, syncFolder: async () => {} }, '/');
  const named: number[] = [];
  const files = Array.from({ length: 20 }, (_, number) =>
    group.add({
      write: async () => {
        if (number === 7) throw new Error('full');
      },
      sync: async () => {},
      name: async () => (named.push(number), '/folder'),
    }),
  );
  const results = await Promise.allSettled(files);
  expect(results.map(({ status }) => status === 'rejected').indexOf(true)).toBe(7);
  expect([rejected(results), named.includes(7), named.length]).toEqual([1, false, 19]);
});
