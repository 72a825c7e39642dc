import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { openedStore } from './opened-store.ts';

/** Lets the store look at its disk once more, until what is waited for is so. */
async function looks(clock: StandingClock, until: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!until()) {
    if (performance.now() > deadline) throw new Error('it never came to that');
    clock.advance(100);
    await setImmediate();
  }
}

test.each([
  ['EIO', 'failing'],
  ['EROFS', 'read-only'],
])('a disk that failed with %s is well again without anybody writing', async (code, state) => {
  await using folder = await temporaryDirectory();
  let sick = false;
  const disk = new FaultyDisk(() => (sick ? code : null));
  const clock = new StandingClock();
  const store = await openedStore(folder.path, { disk, clock });
  sick = true;
  await expect(store.sink.keep('open', Buffer.from('text'))).rejects.toThrow();
  expect(store.space.state).toBe(state);
  const { length } = disk.calls;
  await looks(clock, () => disk.calls.length > length);
  sick = false;
  await looks(clock, () => store.space.state === 'ok');
  expect(await readdir(join(folder.path, 'parts'))).toEqual([]);
  await store.close();
});

test('a state directory that was removed is made anew, with the generations that are served', async () => {
  await using folder = await temporaryDirectory();
  const clock = new StandingClock();
  const store = await openedStore(folder.path, { clock });
  const served = generation(1);
  await store.publish(served);
  for (const name of await readdir(folder.path)) {
    if (name !== 'index') await rm(join(folder.path, name), { recursive: true });
  }
  await looks(clock, () => existsSync(join(folder.path, 'FORMAT')));
  const again = await store.sink.keep('open', Buffer.from('text'));
  expect(await store.blobs.holds('open', again)).toBe(true);
  await store.close();
  const next = await openedStore(folder.path);
  expect(next.current('corp')).toEqual(served);
  await next.close();
});

test('a state directory made in the place of one that was moved away is taken again, and left alone while another has it', async () => {
  await using folder = await temporaryDirectory();
  const root = join(folder.path, 'state');
  const clock = new StandingClock();
  let taken = 0;
  let released = 0;
  let others = false;
  const lock = async (): Promise<{ release(): void }> => {
    if (others) throw new WaystationError('state_locked', 'another process has it');
    taken += 1;
    return { release: () => (released += 1) };
  };
  const store = await openedStore(root, { clock, lock });
  await store.publish(generation(1));
  others = true;
  await rename(root, join(folder.path, 'moved'));
  await looks(clock, () => store.space.reason === 'another process has it');
  expect([store.space.state, await readdir(root)]).toEqual(['failing', []]);
  others = false;
  await looks(clock, () => existsSync(join(root, 'FORMAT')));
  expect([taken, released]).toEqual([2, 1]);
  await store.close();
  expect(released).toBe(2);
});
