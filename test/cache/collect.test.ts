import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { readPart } from './pieces.ts';
import {
  allHeld,
  countedRight,
  filesOf,
  isHeld,
  isMapHeld,
  patient,
  published,
  storedPackage,
  storedRepository,
  upkeepPieces,
} from './upkeep-pieces.ts';
import { noRuns, threeGenerations } from './collecting.ts';

describe('what only a retired generation referred to', () => {
  test('goes: metadata, map and packages; everything else stays', async () => {
    await using store = await upkeepPieces();
    const { old, shared, fresh, first, second, third } = await threeGenerations(store);
    await store.collector.run(patient);
    expect(allHeld(store, first, [old, shared])).toBe(true);
    expect(await store.retirement.run(patient)).toBe(1);
    expect(await store.collector.run(patient)).toMatchObject({ blobs: 4, maps: 1, pointers: 0 });
    for (const listed of filesOf(first, [old])) expect(isHeld(store, listed)).toBe(false);
    expect(isMapHeld(store, first.map)).toBe(false);
    expect(allHeld(store, second, [shared]) && allHeld(store, third, [shared, fresh])).toBe(true);
    await countedRight(store);
    expect(await store.collector.run(patient)).toEqual({ blobs: 0, maps: 0, pointers: 0, bytes: 0 });
  });

  test('is given to the end to a client that reads it', async () => {
    await using store = await upkeepPieces();
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    const reader = await store.blobs.open('open', old.listed);
    const start = await readPart(reader!, 0, 1_000);
    await store.collector.run(patient);
    expect(Buffer.concat([start, await readPart(reader!, 1_000, 3_000)])).toEqual(old.bytes);
    reader?.release();
    await store.collector.run(patient);
    expect(isHeld(store, old.listed)).toBe(false);
    await countedRight(store);
  });

  test('under a name by another algorithm goes with both its names, and is counted once', async () => {
    await using folder = await temporaryDirectory();
    const filled = async () => {
      await using store = await upkeepPieces({ root: folder.path });
      const long = await storedPackage(store, 'long.rpm', { algorithm: 'sha512' });
      const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'sha1' });
      await published(store, 1, await storedRepository(store, [long, weak]));
      for (const number of [2, 3]) await published(store, number, await storedRepository(store, [long]));
      await countedRight(store);
      return { long, weak };
    };
    const { long, weak } = await filled();
    // After a restart names are all that is known.
    await using after = await upkeepPieces({ root: folder.path });
    await countedRight(after);
    await after.collector.run(patient);
    expect([isHeld(after, long.listed), isHeld(after, weak.listed)]).toEqual([true, true]);
    await countedRight(after);
    for (const number of [4, 5]) await published(after, number, await storedRepository(after, []));
    await after.retirement.run(patient);
    noRuns(after);
    await after.collector.run(patient);
    for (const { listed, bytes } of [long, weak]) {
      expect(isHeld(after, listed)).toBe(false);
      const named = { digest: digestOf(bytes), size: bytes.length };
      expect(existsSync(after.layout.blob(possessionScope('open', 'site/base', listed), named))).toBe(false);
    }
    await countedRight(after);
  });
});

test.each([0, 1])('of two names of one file either may go first, also after a restart (%i)', async (first) => {
  await using folder = await temporaryDirectory();
  const filled = async () => {
    await using store = await upkeepPieces({ root: folder.path });
    return await storedPackage(store, 'long.rpm', { algorithm: 'sha512' });
  };
  const { listed, bytes } = await filled();
  await using store = await upkeepPieces({ root: folder.path });
  const names = [listed, { digest: digestOf(bytes), size: bytes.length }];
  for (const name of first === 0 ? names : names.toReversed()) {
    expect(await store.blobs.remove('open', name)).toMatchObject({ result: 'removed' });
    await countedRight(store);
  }
  expect(store.space.used).toBe(0);
});

describe('nothing goes', () => {
  test('before every configured subscription has published', async () => {
    await using store = await upkeepPieces();
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    store.configured.keeps.push({ subscription: 'newcomer', generations: 1, grace: 0 });
    for (let pass = 0; pass < 2; pass += 1) await store.collector.run(patient);
    expect([isHeld(store, old.listed), store.log]).toEqual([
      true,
      [expect.stringContaining('newcomer has not published anything yet')],
    ]);
    store.configured.keeps.pop();
    await store.collector.run(patient);
    expect(isHeld(store, old.listed)).toBe(false);
  });

  test('while a document cannot be read, until it can or is gone', async () => {
    await using folder = await temporaryDirectory();
    const filled = async () => {
      await using before = await upkeepPieces({ root: folder.path });
      const all = await threeGenerations(before);
      await before.retirement.run(patient);
      const [document] = before.generations.kept('corp');
      return { ...all, document, path: before.layout.generation('corp', document?.id ?? '') };
    };
    const { fresh, third, old, first, document, path } = await filled();
    await writeFile(path, '{"format":1');
    await using store = await upkeepPieces({ root: folder.path });
    await store.collector.run(patient);
    expect(allHeld(store, third, [fresh]) && isHeld(store, old.listed)).toBe(true);
    expect(store.marks.protectionKnown).toBe(false);
    await writeFile(path, JSON.stringify(document));
    await store.collector.run(patient);
    expect([allHeld(store, third, [fresh]), isHeld(store, old.listed), isMapHeld(store, first.map)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('of a scope of which a map is missing or damaged; other scopes are collected', async () => {
    for (const harm of ['missing', 'damaged']) {
      await using store = await upkeepPieces();
      const { fresh, third } = await threeGenerations(store);
      const garbage = await storedPackage(store, 'garbage.rpm');
      const other = await storedPackage(store, 'other.rpm', { scope: 'pulp-1' });
      const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'md5' });
      const map = store.layout.map(third.map!);
      await store.maps.close();
      if (harm === 'missing') await rename(map, `${map}.away`);
      else await writeFile(map, 'no map');
      noRuns(store);
      await store.collector.run(patient);
      expect([fresh, garbage, weak].every(({ listed }) => isHeld(store, listed))).toBe(true);
      expect(isHeld(store, other.listed, 'pulp-1')).toBe(false);
      await rm(map, { force: true });
      await store.sink.writeMap(third.map!, async (to) => {
        to.add(fresh);
      });
      noRuns(store);
      await store.collector.run(patient);
      expect([isHeld(store, fresh.listed), isHeld(store, garbage.listed)]).toEqual([true, false]);
    }
  });

  test('that is a file of somebody else', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const own = [join(store.layout.maps, 'README'), join(store.layout.unlisted, 'notes.json')];
    for (const path of own) await writeFile(path, 'mine');
    await store.collector.run(patient);
    expect(own.every((path) => existsSync(path))).toBe(true);
  });
});
