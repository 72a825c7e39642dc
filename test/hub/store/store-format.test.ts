import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import { initStore, readFormat } from '../../../hub/store/store-format.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

async function opened(root: string): Promise<DirectoryStore> {
  return new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock: await storeLock(root, systemClock) });
}

describe('the format of a store', () => {
  test('is made once, also by several at a time', async () => {
    await using directory = await temporaryDirectory();
    const made = await Promise.all(Array.from({ length: 4 }, async () => initStore(await opened(directory.path))));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await readFormat(await opened(directory.path))).toEqual(made[0]);
  });

  test('is not made of a folder that holds something else', async () => {
    await using directory = await temporaryDirectory();
    await mkdir(join(directory.path, 'photos'));
    await writeFile(join(directory.path, 'photos', 'cat.jpg'), 'cat');
    const store = await opened(directory.path);
    await expect(initStore(store)).rejects.toMatchObject({ code: 'store_format_unknown', message: /photos\/cat.jpg/ });
    expect(await store.has('FORMAT')).toBeNull();
  });

  test.each([
    ['of the future', '{"program":"waystation hub","layout":2,"id":"0b2c6f0a-6b5e-4e63-9f9d-0a2f4c8e7a11"}'],
    ['of another program', '{"program":"photos","layout":1}'],
    ['that is no JSON', 'hello'],
    ['that is empty', ''],
  ])('%s is refused', async (_, text) => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, 'FORMAT'), text);
    for (const open of [initStore, readFormat])
      await expect(open(await opened(directory.path))).rejects.toMatchObject({ code: 'store_format_unknown' });
  });

  test('is asked for by its name where there is none', async () => {
    await using directory = await temporaryDirectory();
    await expect(readFormat(await opened(directory.path))).rejects.toMatchObject({ message: /hub init/ });
  });
});
