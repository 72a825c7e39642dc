import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Algorithm, Listed } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Marks } from '../../cache/blobs/marks.ts';
import { systemDisk } from '../../disk/disk.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk, WritableFile } from '../../disk/disk.ts';
import { Evictor } from '../../cache/space/evictor.ts';
import { Room } from '../../cache/space/room.ts';
import { Space } from '../../cache/space/space.ts';
import type { Reserving } from '../../cache/space/space.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { bytesBelow, commit, file, mebibyte, pieces, readAll } from './pieces.ts';
import type { Pieces } from './pieces.ts';

/** A store with room for `max` bytes, and what evicts from it. */
async function small(max: number, disk?: Disk) {
  const store = await pieces({ limits: { max: () => max, keepFree: () => 0 }, ...(disk && { disk }) });
  const { index, blobs, space, clock } = store;
  const marks = new Marks(index);
  const evictor = new Evictor({ index, marks, blobs, space, clock, log: silentLogger, meter: silentMeter });
  const room = new Room({ space, clock, makeRoom: (bytes) => evictor.makeRoom(bytes) });
  // Said by the first pass over the documents in the service.
  marks.begin();
  marks.end();
  return { store, marks, evictor, room };
}

type Small = Awaited<ReturnType<typeof small>>;

/** Keeps a file as a fill does; false when there was no room. */
async function keep(
  { store, room }: { store: Pieces; room: Reserving },
  size: number,
  { wanted = true, algorithm = 'sha256' }: { wanted?: boolean; algorithm?: Algorithm } = {},
): Promise<Listed | null> {
  const { bytes, listed } = file(size, algorithm);
  const reservation = await room.reserve(size);
  if (reservation === null) return null;
  await commit(store, { bytes, listed }, reservation, { wanted });
  return listed;
}

async function use({ store }: Small, listed: Listed, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) (await store.blobs.open('open', listed))?.release();
}

const isHeld = ({ store }: Small, listed: Listed | null): boolean =>
  listed !== null && existsSync(store.layout.blob('open', listed));

/** What is evicted does not depend on what a power cut leaves. */
const withoutSyncs: Disk = {
  ...systemDisk,
  syncFolder: async () => {},
  openPart: async (path) => withoutSync(await systemDisk.openPart(path)),
  makePart: async (path) => {
    const part = await systemDisk.makePart(path);
    return part === null ? null : withoutSync(part);
  },
};

function withoutSync(part: WritableFile): WritableFile {
  return {
    fd: part.fd,
    write: (chunks, position) => part.write(chunks, position),
    read: (buffer, position, length) => part.read(buffer, position, length),
    stamp: () => part.stamp(),
    sync: async () => {},
    close: () => part.close(),
  };
}

describe('a full cache', () => {
  test('gives the place of what nobody asked for again to what is asked for now', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const once = await keep(cache, 4_000);
    const often = await keep(cache, 4_000);
    await use(cache, often!, 2);
    const fresh = await keep(cache, 4_000);
    expect([isHeld(cache, once), isHeld(cache, often), isHeld(cache, fresh)]).toEqual([false, true, true]);
    expect(cache.store.space.used).toBe(await bytesBelow(cache.store.layout.blobs));
  });

  test('is not flushed by a flood of 10,000 names', async () => {
    const cache = await small(1_000_000, withoutSyncs);
    await using _ = cache.store;
    const hot: Listed[] = [];
    for (let count = 0; count < 100; count += 1) {
      const listed = await keep(cache, 8_000);
      await use(cache, listed!);
      hot.push(listed!);
    }
    for (let count = 0; count < 10_000; count += 1) await keep(cache, 1_000);
    expect(hot.filter((listed) => isHeld(cache, listed))).toHaveLength(100);
    expect(cache.store.space.used).toBeLessThanOrEqual(1_000_000);
  }, 60_000);

  test('lets prefetched files go before those that somebody asked for', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const prefetched = await keep(cache, 4_000, { wanted: false });
    const asked = await keep(cache, 4_000, { wanted: true });
    for (const listed of [prefetched, asked]) await use(cache, listed!);
    await keep(cache, 4_000);
    expect([isHeld(cache, prefetched), isHeld(cache, asked)]).toEqual([false, true]);
  });

  test('keeps longer what comes back soon after it was evicted', async () => {
    const cache = await small(100_000);
    await using _ = cache.store;
    const { bytes, listed } = file(4_000);
    const again = async (): Promise<void> => {
      const reservation = await cache.room.reserve(4_000);
      await commit(cache.store, { bytes, listed }, reservation!);
    };
    await again();
    for (let count = 0; count < 25; count += 1) await keep(cache, 4_000);
    expect(isHeld(cache, listed)).toBe(false);
    await again();
    // It would be the first to go if it were on probation again.
    for (let count = 0; count < 60; count += 1) await keep(cache, 4_000);
    expect(isHeld(cache, listed)).toBe(true);
  });

  test('never takes what is protected, kept for a sync, or being read', async () => {
    const cache = await small(20_000);
    await using _ = cache.store;
    const [pinned, kept, read] = [await keep(cache, 4_000), await keep(cache, 4_000), await keep(cache, 4_000)];
    cache.marks.protect('open', pinned!.digest);
    cache.marks.keepForRun('open', kept!.digest);
    const reader = await cache.store.blobs.open('open', read!);
    for (let count = 0; count < 10; count += 1) await keep(cache, 4_000);
    expect([pinned, kept, read].map((listed) => isHeld(cache, listed))).toEqual([true, true, true]);
    expect((await readAll(reader!)).error).toBeNull();
  });

  test('gives up when everything that may go is being read, and finds it when it is not', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const read = await keep(cache, 8_000);
    const reader = await cache.store.blobs.open('open', read!);
    await cache.evictor.makeRoom(8_000);
    expect(isHeld(cache, read)).toBe(true);
    reader?.release();
    await cache.evictor.makeRoom(8_000);
    expect(isHeld(cache, read)).toBe(false);
  });

  test('refuses at once what would not fit if all went, and removes nothing for it', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const held = await keep(cache, 4_000);
    expect(await keep(cache, 10_001)).toBeNull();
    expect(isHeld(cache, held)).toBe(true);
  });

  test('removes nothing before it is known what is protected', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const { index, blobs, space, clock } = cache.store;
    const marks = new Marks(index);
    const evictor = new Evictor({ index, marks, blobs, space, clock, log: silentLogger, meter: silentMeter });
    const held = await keep(cache, 6_000);
    await evictor.makeRoom(6_000);
    expect(isHeld(cache, held)).toBe(true);
    marks.begin();
    marks.end();
    await evictor.makeRoom(6_000);
    expect(isHeld(cache, held)).toBe(false);
  });

  test('removes nothing while the size of the file system is not known', async () => {
    let sick = false;
    const disk: Disk = {
      ...systemDisk,
      space: (path) => (sick ? Promise.reject(new Error('EIO')) : systemDisk.space(path)),
    };
    const store = await pieces({ disk, limits: { max: (total) => total * 0.8, keepFree: () => 0 } });
    await using _ = store;
    const held = file(1_000);
    await commit(store, held, (await store.space.reserve(1_000))!);
    sick = true;
    // A service that starts now finds the file, and no size of the file system.
    const { index, blobs, clock, root, layout } = store;
    const space = new Space({ disk, root, limits: { max: (total) => total * 0.8, keepFree: () => 0 }, clock });
    space.adjust(1_000);
    const marks = new Marks(index);
    marks.begin();
    marks.end();
    const evictor = new Evictor({ index, marks, blobs, space, clock, log: silentLogger, meter: silentMeter });
    await evictor.makeRoom(0);
    expect(existsSync(layout.blob('open', held.listed))).toBe(true);
  });

  test('frees the room of a file with two names when the second goes, and finds names that it keeps in part', async () => {
    const cache = await small(10_000);
    await using _ = cache.store;
    const held = await keep(cache, 6_000, { algorithm: 'sha512' });
    expect(cache.store.space.used).toBe(6_000);
    expect(isHeld(cache, await keep(cache, 6_000))).toBe(true);
    expect([isHeld(cache, held), cache.store.space.used]).toEqual([false, 6_000]);
    expect(await bytesBelow(cache.store.layout.blobs)).toBe(6_000);
  });
});

describe('limits', () => {
  test('hold while others fill the disk', async () => {
    const disk = new FaultyDisk();
    disk.setSpace({ free: 50_000, total: 100_000 });
    const store = await pieces({ disk, limits: { max: () => 90_000, keepFree: () => 20_000 } });
    await using _ = store;
    const { index, blobs, space, clock } = store;
    const marks = new Marks(index);
    const evictor = new Evictor({ index, marks, blobs, space, clock, log: silentLogger, meter: silentMeter });
    marks.begin();
    marks.end();
    for (let count = 0; count < 5; count += 1) await keep({ store, room: space }, 4_000);
    expect(space.used).toBe(20_000);
    disk.setSpace({ free: 15_000, total: 100_000 });
    clock.advance(1_001);
    await evictor.makeRoom(0);
    expect(space.used).toBeLessThanOrEqual(15_000);
    expect(space.used).toBe(await bytesBelow(store.layout.blobs));
  });

  test('make room also for names, where the file system has only so many', async () => {
    const disk = new FaultyDisk();
    disk.setSpace({ free: 2 ** 30, total: 2 ** 31, freeFiles: 1_000 });
    const store = await pieces({ disk });
    await using _ = store;
    const { index, blobs, space, clock } = store;
    const marks = new Marks(index);
    const evictor = new Evictor({ index, marks, blobs, space, clock, log: silentLogger, meter: silentMeter });
    marks.begin();
    marks.end();
    for (let count = 0; count < 300; count += 1) await keep({ store, room: space }, 10);
    disk.setSpace({ free: 2 ** 30, total: 2 ** 31, freeFiles: 10 });
    clock.advance(1_001);
    expect(await space.reserve(10)).toBeNull();
    await evictor.makeRoom(10);
    expect(index.size).toBe(300 - 256);
  });

  test('a disk that refuses writes for want of room, though there seems to be some, gets it bit by bit', async () => {
    let quota = false;
    const disk = new FaultyDisk(({ call }) => (quota && call === 'write' ? 'EDQUOT' : null));
    const cache = await small(20 * mebibyte, disk);
    await using _ = cache.store;
    const held = [];
    for (let count = 0; count < 3; count += 1) held.push(await keep(cache, 1.5 * mebibyte));
    quota = true;
    await expect(keep(cache, 3_000)).rejects.toThrow('EDQUOT');
    cache.store.space.failed(diskError(Object.assign(new Error('write'), { code: 'EDQUOT' }), 'state'));
    expect(cache.store.space.state).toBe('full');
    await cache.evictor.makeRoom(0);
    expect(held.map((listed) => isHeld(cache, listed))).toEqual([false, true, true]);
    await cache.evictor.makeRoom(0);
    expect(held.map((listed) => isHeld(cache, listed))).toEqual([false, false, true]);
    cache.store.space.healed();
    await cache.evictor.makeRoom(0);
    expect(held.map((listed) => isHeld(cache, listed))).toEqual([false, false, true]);
  });

  test('a disk that removes nothing is not asked again and again', async () => {
    const disk = new FaultyDisk(({ call, path }) => (call === 'unlink' && path.includes('/blobs/') ? 'EROFS' : null));
    const cache = await small(10_000, disk);
    await using _ = cache.store;
    for (let count = 0; count < 2; count += 1) await keep(cache, 4_000);
    expect(await keep(cache, 4_000)).toBeNull();
    expect(disk.calls.filter(({ call, path }) => call === 'unlink' && path.includes('/blobs/'))).toHaveLength(1);
    expect(cache.store.space.state).toBe('read-only');
    expect(cache.store.space.used).toBe(8_000);
  });
});
