import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { ReadableFile } from '../../disk/disk.ts';
import { systemDisk } from '../../disk/disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { openedStore } from './opened-store.ts';
import { bytesBelow, file, mebibyte, readAll } from './pieces.ts';

const patient = new AbortController().signal;

/** Lets the store's time go on until what is waited for is so. */
async function until(clock: StandingClock, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never came to that');
    await setImmediate();
    clock.advance(20);
  }
}

/** A disk whose files can be opened, but not read where `bad` says so. */
function unreadable(bad: (path: string) => boolean): FaultyDisk {
  const disk = new FaultyDisk();
  const openRead = async (path: string): Promise<ReadableFile | null> => {
    const opened = await systemDisk.openRead(path);
    return (
      opened && { ...opened, read: (...where) => (bad(path) ? Promise.reject(badSector()) : opened.read(...where)) }
    );
  };
  return Object.assign(disk, { openRead });
}

function badSector(): Error {
  return Object.assign(new Error('bad sector'), { code: 'EIO' });
}

function request({ bytes, listed }: { bytes: Buffer; listed: Listed }) {
  return { scope: 'open', listed, loader: () => new ScriptedLoader([], { again: { bytes } }) };
}

describe('a held file with a bad sector', () => {
  test('fails its reader with an error that names it, and is fetched again once it is distrusted', async () => {
    await using folder = await temporaryDirectory();
    let sick = false;
    const disk = unreadable((path) => sick && path.includes('/blobs/'));
    const store = await openedStore(folder.path, { disk });
    const held = file(2 * mebibyte);
    await store.fills.ensure(request(held), patient);
    while (store.fills.active > 0) await setImmediate();
    sick = true;
    const got = await readAll((await store.blobs.open('open', held.listed))!);
    expect(got.error).toMatchObject({ code: 'disk_failing' });
    expect(got.error?.message).toContain(held.listed.digest.slice(7));
    await store.blobs.distrust('open', held.listed);
    sick = false;
    const { source, outcome } = await store.fills.open(request(held), 0);
    expect(outcome).toBe('miss');
    expect((await readAll(source)).bytes.equals(held.bytes)).toBe(true);
    await store.close();
    expect(store.space.used).toBe(await bytesBelow(`${folder.path}/blobs`, `${folder.path}/parts`));
  });
});

describe.each(['write', 'sync', 'stamp', 'rename', 'syncFolder', 'openPart', 'makeFolder'])(
  'a disk that fails each %s with EIO',
  (failingCall) => {
    test.each([
      ['small', 10_000],
      ['large', 2 * mebibyte],
    ])('serves %s files whole, counts right, says so, and stores again when it is well', async (_, size) => {
      await using folder = await temporaryDirectory();
      let sick = false;
      const disk = new FaultyDisk(({ call }) => (sick && (call === failingCall || call === 'syncAll') ? 'EIO' : null));
      const clock = new StandingClock();
      const store = await openedStore(folder.path, { disk, clock });
      const before = file(5_000);
      await store.fills.ensure(request(before), patient);
      sick = true;
      for (let count = 0; count < 3; count += 1) {
        const asked = file(size);
        const { source } = await store.fills.open(request(asked), 0);
        const got = await readAll(source);
        expect([got.error, got.bytes.equals(asked.bytes)]).toEqual([null, true]);
        await until(clock, () => store.fills.active === 0);
      }
      expect(store.space.state).toBe('failing');
      expect((await store.status()).reason).toContain('EIO');
      const held = await readAll((await store.blobs.open('open', before.listed))!);
      expect(held.bytes.equals(before.bytes)).toBe(true);
      sick = false;
      await until(clock, () => store.space.state === 'ok');
      const after = file(size);
      await store.fills.ensure(request(after), patient);
      expect(await store.blobs.holds('open', after.listed)).toBe(true);
      await until(clock, () => store.fills.active === 0);
      await store.close();
      expect([store.space.used, store.space.reserved]).toEqual([
        await bytesBelow(`${folder.path}/blobs`, `${folder.path}/parts`),
        0,
      ]);
    });
  },
);
