import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { systemDisk } from '../../cache/disk/disk.ts';
import type { Disk } from '../../cache/disk/disk.ts';
import { file, pieces } from './pieces.ts';

/** A store that counts one blob which is shorter than its name says. */
async function damaged(disk: Disk = systemDisk) {
  const store = await pieces({ disk });
  const { bytes, listed } = file(5_000);
  const path = store.layout.blob('open', listed);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes.subarray(0, 4_000));
  store.index.add('open', listed.digest);
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
