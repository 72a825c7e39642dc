import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { flag } from '../../cache/blobs/entry-flags.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { allHeld, countedRight, filesOf, isHeld, patient, storedPackage, upkeepPieces } from './upkeep-pieces.ts';
import type { UpkeepPieces } from './upkeep-pieces.ts';
import { noRuns, threeGenerations } from './collecting.ts';

describe('pointers of unlisted files', () => {
  const pointer = (store: UpkeepPieces, repository: string, listed: { digest: `sha256:${string}`; size: number }) =>
    store.pointers.write({
      format: 1,
      repository,
      file: 'images/boot.iso',
      scope: 'open',
      ...listed,
      fetched: '2026-11-23T10:00:00Z',
      contentType: null,
      etag: null,
      lastModified: null,
    });
  const kept = async (store: UpkeepPieces, bytes: string) => {
    const { digest, size } = await store.sink.keep('open', Buffer.from(bytes));
    return { digest: digest as `sha256:${string}`, size };
  };

  test('keep their blobs as long as a kept generation has the repository; others go with theirs', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const [known, unknown] = [await kept(store, 'known'), await kept(store, 'unknown')];
    await pointer(store, 'site/base', known);
    await pointer(store, 'site/gone', unknown);
    await writeFile(join(store.layout.unlisted, `${'0'.repeat(64)}.json`), '{"format":1,');
    noRuns(store);
    expect(await store.collector.run(patient)).toMatchObject({ pointers: 2, blobs: 1 });
    expect([isHeld(store, known), isHeld(store, unknown)]).toEqual([true, false]);
    expect(existsSync(store.layout.unlistedEntry('site/base', 'images/boot.iso'))).toBe(true);
    expect(existsSync(store.layout.unlistedEntry('site/gone', 'images/boot.iso'))).toBe(false);
    await countedRight(store);
  });

  test('that cannot be read stop everything: what they refer to is not known', async () => {
    await using folder = await temporaryDirectory();
    let broken = true;
    const readFile: Disk['readFile'] = async (path) => {
      if (broken && path.includes('/unlisted/')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      return systemDisk.readFile(path);
    };
    await using store = await upkeepPieces({ root: folder.path, disk: { ...systemDisk, readFile } });
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    const known = await kept(store, 'known');
    await pointer(store, 'site/base', known);
    noRuns(store);
    await store.collector.run(patient);
    expect([isHeld(store, known), isHeld(store, old.listed)]).toEqual([true, true]);
    broken = false;
    await store.collector.run(patient);
    expect([isHeld(store, known), isHeld(store, old.listed)]).toEqual([true, false]);
  });
});

test('metadata is protected, and the packages of pinned generations, of full repositories also of the current one', async () => {
  await using store = await upkeepPieces();
  const { old, shared, fresh, first, second, third } = await threeGenerations(store);
  const isProtected = (listed: { digest: `${string}:${string}` }): boolean =>
    (store.index.flagsOf('open', listed.digest as `sha256:${string}`) & flag.protected) !== 0;
  const packages = (): readonly boolean[] => [old, shared, fresh].map(({ listed }) => isProtected(listed));
  noRuns(store);
  await store.collector.run(patient, false);
  for (const document of [first, second, third]) expect(filesOf(document).every(isProtected)).toBe(true);
  expect(packages()).toEqual([false, false, false]);
  store.configured.full.add('site/base');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([false, true, true]);
  const pinned = store.generations.kept('corp').at(-1)?.id;
  await writeFile(store.layout.pins, JSON.stringify({ format: 1, pins: [pinned] }));
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
  await writeFile(store.layout.pins, 'unreadable');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
  store.configured.full.clear();
  await writeFile(store.layout.pins, JSON.stringify({ format: 1, pins: [pinned] }));
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, false]);
});

test('rolled back, the packages of full repositories are protected of what is served and of what a release serves', async () => {
  await using store = await upkeepPieces();
  const { old, shared, fresh, first } = await threeGenerations(store);
  const packages = (): readonly boolean[] =>
    [old, shared, fresh].map(({ listed }) => (store.index.flagsOf('open', listed.digest) & flag.protected) !== 0);
  noRuns(store);
  store.configured.full.add('site/base');
  const oldest = store.generations.kept('corp').at(-1);
  expect(oldest?.repositories['site/base']).toEqual(first);
  await store.generations.rollback('corp', oldest?.id ?? '');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
});

/** A store of which half is garbage: the first generation's, a dropped repository's, and an unlisted file's. */
async function halfGarbage(root: string) {
  await using store = await upkeepPieces({ root });
  const all = await threeGenerations(store);
  const { digest, size } = await store.sink.keep('open', Buffer.from('nobody asks'));
  await store.pointers.write({
    format: 1,
    repository: 'gone',
    file: 'f',
    scope: 'open',
    digest,
    size,
    fetched: '2026-11-23T10:00:00Z',
    contentType: null,
    etag: null,
    lastModified: null,
  });
  const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'sha512' });
  return { ...all, weak };
}

test.each(['fails', 'is the last before a crash'])(
  'whichever disk call %s, all that is referred to is there, the count is right, and the next pass completes',
  async (how) => {
    let passes = 0;
    for (let n = 1; ; n += 1) {
      await using folder = await temporaryDirectory();
      const { shared, fresh, second, third, first, old } = await halfGarbage(folder.path);
      const disk = new FaultyDisk((_, count) => (count === n || (how !== 'fails' && count > n) ? 'EIO' : null));
      {
        await using store = await upkeepPieces({ root: folder.path, disk });
        await store.retirement.run(patient);
        await store.collector.run(patient);
        expect(allHeld(store, second, [shared]) && allHeld(store, third, [shared, fresh])).toBe(true);
        await countedRight(store);
        passes += 1;
        if (disk.calls.length < n) break;
      }
      await using after = await upkeepPieces({ root: folder.path });
      await after.retirement.run(patient);
      await after.collector.run(patient);
      expect(allHeld(after, second, [shared]) && allHeld(after, third, [shared, fresh])).toBe(true);
      for (const listed of filesOf(first, [old])) expect(isHeld(after, listed)).toBe(false);
      expect(after.index.size).toBe(filesOf(second).length + filesOf(third).length + 2);
      await countedRight(after);
    }
    expect(passes).toBeGreaterThan(8);
  },
);
