import { link, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../disk/disk.ts';
import { countBlobs } from '../../cache/upkeep/count-blobs.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { NameCount } from '../../cache/blobs/name-count.ts';
import { Space } from '../../cache/space/space.ts';
import { bytesBelow, commit, file, pieces, readAll, roomy } from './pieces.ts';
import type { Pieces } from './pieces.ts';

async function keepIn(store: Pieces, scope: string, one: ReturnType<typeof file>): Promise<void> {
  const reservation = await store.space.reserve(one.listed.size);
  if (reservation === null) throw new Error('no space');
  await commit(store, one, reservation, { scope });
}

test('a file that two scopes fetched is stored once, and each has its name', async () => {
  await using store = await pieces();
  const one = file(5_000);
  await keepIn(store, 'open', one);
  await keepIn(store, 'corp', one);
  const [open, corp] = [
    await stat(store.layout.blob('open', one.listed)),
    await stat(store.layout.blob('corp', one.listed)),
  ];
  expect(open.ino).toBe(corp.ino);
  expect([store.space.used, await bytesBelow(store.layout.blobs)]).toEqual([5_000, 5_000]);
  for (const scope of ['open', 'corp'])
    expect((await readAll((await store.blobs.open(scope, one.listed))!)).bytes.equals(one.bytes)).toBe(true);
});

test('its room is free when the last name is gone', async () => {
  await using store = await pieces();
  const one = file(5_000, 'sha512');
  await keepIn(store, 'open', one);
  await keepIn(store, 'corp', one);
  const removed: number[] = [];
  for (const { scope, digest, size } of store.index.blobs()) {
    const result = await store.blobs.remove(scope, { digest, size });
    removed.push(result.result === 'removed' ? result.freed : -1);
  }
  expect([removed.length, removed.at(-1), store.space.used]).toEqual([4, 5_000, 0]);
  expect(await bytesBelow(store.layout.blobs)).toBe(0);
});

test('a count after a kill comes to the same', async () => {
  await using store = await pieces();
  const [one, other] = [file(5_000), file(3_000, 'sha512')];
  for (const scope of ['open', 'corp', 'site']) await keepIn(store, scope, one);
  await keepIn(store, 'open', other);
  const { disk, layout, clock, root } = store;
  const index = new BlobIndex();
  const space = new Space({ disk, root, limits: roomy, clock });
  const count = new NameCount({ disk, layout, index, space }, Promise.resolve());
  await countBlobs({ disk, layout, count, log: silentLogger }, new AbortController().signal);
  expect([space.used, index.size]).toEqual([store.space.used, store.index.size]);
  expect(space.used).toBe(8_000);
});

test('a name outside of the blobs keeps no room, also when the blobs were counted anew', async () => {
  await using store = await pieces();
  const [one, other] = [file(5_000), file(3_000, 'sha512')];
  await keepIn(store, 'open', one);
  await keepIn(store, 'open', other);
  await link(store.layout.blob('open', one.listed), join(store.root, 'mirror.rpm'));
  for (const { scope, digest } of store.index.blobs()) store.index.delete(scope, digest);
  store.space.adjust(-store.space.used);
  const { disk, layout, space } = store;
  const { several } = store.blobs;
  const count = several.beginCount();
  await countBlobs({ disk, layout, count, log: silentLogger }, new AbortController().signal);
  await several.endCount();
  expect(space.used).toBe(8_000);
  await store.blobs.remove('open', one.listed);
  expect(space.used).toBe(3_000);
});

test('who asks for a file while one of its names is removed takes no room from the other', async () => {
  const [gone, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const unlink = async (path: string): Promise<void> => {
    await systemDisk.unlink(path);
    if (!path.includes('/sha512/')) return;
    gone.resolve();
    await goOn.promise;
  };
  await using store = await pieces({ disk: { ...systemDisk, unlink } });
  const one = file(5_000, 'sha512');
  await keepIn(store, 'open', one);
  const removing = store.blobs.remove('open', one.listed);
  await gone.promise;
  expect(await store.blobs.open('open', one.listed)).toBeNull();
  goOn.resolve();
  await removing;
  expect([store.space.used, await bytesBelow(store.layout.blobs)]).toEqual([5_000, 5_000]);
});

test('where no link can be made, the file is stored twice and nothing is lost', async () => {
  const disk = new FaultyDisk(({ call }) => (call === 'link' ? 'EMLINK' : null));
  await using store = await pieces({ disk });
  const one = file(5_000);
  await keepIn(store, 'open', one);
  await keepIn(store, 'corp', one);
  expect([store.space.used, await bytesBelow(store.layout.blobs)]).toEqual([10_000, 10_000]);
  for (const scope of ['open', 'corp']) expect(await store.blobs.holds(scope, one.listed)).toBe(true);
});
