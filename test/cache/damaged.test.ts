import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { commit, file, flipped, pieces, readAll } from './pieces.ts';

/** A store that counts one blob which is shorter than its name says. */
async function damaged(disk: Disk = systemDisk) {
  const store = await pieces({ disk });
  const { bytes, listed } = file(5_000);
  const path = store.layout.blob('open', listed);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes.subarray(0, 4_000));
  store.index.add('open', listed);
  store.space.adjust(listed.size);
  return { store, listed, path };
}

test('a held file of the wrong length is moved aside, and takes no room any more', async () => {
  const { store, listed } = await damaged();
  await using _ = store;
  expect(await store.blobs.open('open', listed)).toBeNull();
  expect(store.space.used).toBe(0);
  expect(await readdir(store.layout.damaged)).toHaveLength(1);
});

test('one that cannot be moved is passed over, and goes on taking its room', async () => {
  const refused = (): Promise<never> => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' }));
  const { store, listed } = await damaged({ ...systemDisk, rename: refused });
  await using _ = store;
  expect(await store.blobs.open('open', listed)).toBeNull();
  expect(store.space.used).toBe(listed.size);
  expect(await store.blobs.holds('open', listed)).toBe(false);
});

/** A store that holds one file as a fill left it. */
async function holding() {
  const store = await pieces();
  const { bytes, listed } = file(5_000);
  const reservation = await store.space.reserve(listed.size);
  if (reservation === null) throw new Error('no space');
  await commit(store, { bytes, listed }, reservation);
  return { store, bytes, listed, path: store.layout.blob('open', listed) };
}

describe('a held file that somebody', () => {
  test('edited without changing its length is found when it is opened, and moved aside', async () => {
    const { store, bytes, listed, path } = await holding();
    await using _ = store;
    await writeFile(path, flipped(bytes, 4_000));
    expect(await store.blobs.holds('open', listed)).toBe(false);
    expect(await store.blobs.open('open', listed)).toBeNull();
    expect(await readdir(store.layout.damaged)).toHaveLength(1);
  });

  test('edited while it was kept open is found a second later', async () => {
    const { store, bytes, listed, path } = await holding();
    await using _ = store;
    (await store.blobs.open('open', listed))?.release();
    await writeFile(path, flipped(bytes, 4_000));
    store.clock.advance(1_001);
    expect(await store.blobs.open('open', listed)).toBeNull();
  });

  test('removed while it was kept open is a miss a second later', async () => {
    const { store, listed, path } = await holding();
    await using _ = store;
    (await store.blobs.open('open', listed))?.release();
    await rm(path);
    store.clock.advance(1_001);
    expect(await store.blobs.open('open', listed)).toBeNull();
    expect([store.space.used, store.index.size]).toEqual([0, 0]);
  });

  test('copied here is hashed once, and trusted after that', async () => {
    const { store, bytes, listed, path } = await holding();
    await using _ = store;
    await writeFile(path, bytes);
    const facts = async () => (await systemDisk.facts(path))?.modified;
    expect(await facts()).not.toBe(proven);
    expect((await readAll((await store.blobs.open('open', listed))!)).bytes.equals(bytes)).toBe(true);
    expect(await facts()).toBe(proven);
  });

  test('copied to a disk that takes no stamp is trusted as long as it stays as it is', async () => {
    const reads: string[] = [];
    const disk: Disk = {
      ...systemDisk,
      stamp: () => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' })),
      openRead: (path) => {
        reads.push(path);
        return systemDisk.openRead(path);
      },
    };
    await using store = await pieces({ disk });
    const { bytes, listed } = file(5_000);
    const path = store.layout.blob('open', listed);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    expect(await store.blobs.holds('open', listed)).toBe(true);
    expect(await store.blobs.holds('open', listed)).toBe(true);
    expect(reads).toEqual([path]);
    await writeFile(path, flipped(bytes, 0));
    expect(await store.blobs.holds('open', listed)).toBe(false);
  });
});
