import { expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import { commit, file, pieces } from './pieces.ts';

test('once the index has everything, a file that it does not have is looked for nowhere', async () => {
  const looked: string[] = [];
  const disk = { ...systemDisk, facts: (path: string) => (looked.push(path), systemDisk.facts(path)) };
  await using store = await pieces({ disk });
  const [held, missing] = [file(1_000), file(2_000)];
  await commit(store, held, (await store.space.reserve(1_000))!);
  looked.length = 0;
  expect(await store.blobs.holds('open', missing.listed)).toBe(false);
  expect(looked).toEqual([store.layout.blob('open', missing.listed)]);
  store.index.complete = true;
  expect(await store.blobs.holds('open', missing.listed)).toBe(false);
  expect(looked).toHaveLength(1);
  // What it has is asked of the disk all the same: only a name there says that the file is held.
  expect(await store.blobs.holds('open', held.listed)).toBe(true);
  expect(looked.at(-1)).toBe(store.layout.blob('open', held.listed));
});
