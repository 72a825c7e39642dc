import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import type { Disk } from '../../../disk/disk.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import { wholeObject } from '../../../hub/store/object-store.ts';
import { FaultyDisk } from '../../support/faulty-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { keysOf, objectStoreContract } from './object-store-contract.ts';

async function opened(root: string, disk: Disk = systemDisk): Promise<DirectoryStore> {
  return new DirectoryStore({ root, disk, clock: systemClock, lock: await storeLock(root, systemClock) });
}

objectStoreContract('a directory', async () => {
  const directory = await temporaryDirectory();
  return {
    store: await opened(directory.path),
    again: () => opened(directory.path),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

describe('a store in a directory', () => {
  test('passes over what it did not write', async () => {
    await using directory = await temporaryDirectory();
    const store = await opened(directory.path);
    await store.put('public/it', Buffer.from('it'));
    await mkdir(join(directory.path, 'lost+found'));
    await writeFile(join(directory.path, 'public', '.it.swp'), 'x');
    expect(await keysOf(store, '')).toEqual(['public/it']);
  });

  test.each(['EIO', 'ENOSPC', 'EROFS'])('loses nothing to a call that fails with %s, whichever it is', async (code) => {
    for (let n = 1; ; n += 1) {
      await using directory = await temporaryDirectory();
      const before = await opened(directory.path);
      await before.put('public/pointer', Buffer.from('old'));
      const disk = FaultyDisk.failingNth(n, code);
      const store = await opened(directory.path, disk);
      const done = await Promise.allSettled([
        store.putIfAbsent('public/blobs/it', wholeObject(Buffer.from('it'))),
        store.put('public/pointer', Buffer.from('new')),
      ]);
      const [blob, pointer] = [await before.get('public/blobs/it'), await before.get('public/pointer')];
      // What is said to be there is there; what failed is there as a whole, or not at all.
      expect(blob?.bytes.toString() ?? null).toBeOneOf(done[0].status === 'fulfilled' ? ['it'] : ['it', null]);
      expect(pointer?.bytes.toString()).toBeOneOf(done[1].status === 'fulfilled' ? ['new'] : ['old', 'new']);
      for (const each of done)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ source: 'disk', retryable: true });
      // The next try, on a disk that works again, ends as if nothing had been.
      await before.putIfAbsent('public/blobs/it', wholeObject(Buffer.from('it')));
      await before.put('public/pointer', Buffer.from('new'));
      expect(await keysOf(before, '')).toEqual(['public/blobs/it', 'public/pointer']);
      if (done.every(({ status }) => status === 'fulfilled')) {
        // What could not be removed at the time is garbage, and goes later.
        await before.tidy(86_400_000);
        expect((await readdir(join(directory.path, '.incoming'))).length).toBeLessThan(2);
        await before.tidy(-60_000);
        expect(await readdir(join(directory.path, '.incoming'))).toEqual([]);
        expect(n).toBeGreaterThan(8);
        return;
      }
    }
  });
});
