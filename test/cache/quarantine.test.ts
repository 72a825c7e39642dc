import { link, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Quarantine } from '../../cache/blobs/quarantine.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { mebibyte } from './pieces.ts';

/** A folder with wrong files, and where they go. */
async function fixture(disk: Disk = systemDisk) {
  const folder = await temporaryDirectory();
  const damaged = join(folder.path, 'damaged');
  const quarantine = new Quarantine(disk, damaged);
  const wrong = async (name: string, bytes = 10): Promise<string> => {
    const path = join(folder.path, name);
    await writeFile(path, name);
    await truncate(path, bytes);
    return path;
  };
  const kept = async (): Promise<string[]> => (await readdir(damaged)).toSorted();
  return { quarantine, wrong, kept, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('the oldest of 65 damaged files leave', async () => {
  // By the time of the rename, which may be the same for neighbours: told apart here.
  let time = 0;
  const times = new Map<string, number>();
  const disk: Disk = {
    ...systemDisk,
    rename: async (from, to) => {
      times.set(to, (time += 1));
      await systemDisk.rename(from, to);
    },
    facts: async (path) => {
      const facts = await systemDisk.facts(path);
      return facts === null ? null : { ...facts, changed: times.get(path) ?? 0 };
    },
  };
  await using f = await fixture(disk);
  for (let n = 10; n < 76; n += 1) await f.quarantine.take(await f.wrong(`w${n}`), `w${n}`);
  const kept = await f.kept();
  expect(kept).toHaveLength(64);
  expect([kept[0], kept.at(-1)]).toEqual(['w12', 'w75']);
});

test('damaged files take 64 MiB at most, and one that is larger is not kept at all', async () => {
  await using f = await fixture();
  for (const name of ['a', 'b', 'c']) await f.quarantine.take(await f.wrong(name, 30 * mebibyte), name);
  expect(await f.kept()).toHaveLength(2);
  const large = await f.wrong('large', 65 * mebibyte);
  await f.quarantine.take(large, 'large');
  expect(await systemDisk.facts(large)).toBeNull();
  expect(await f.kept()).toHaveLength(2);
});

test('a damaged file that finds no room there is removed', async () => {
  const full = (): Promise<never> => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  await using f = await fixture({ ...systemDisk, makeFolder: full });
  const path = await f.wrong('a');
  await f.quarantine.take(path, 'a');
  expect(await systemDisk.facts(path)).toBeNull();
});

test('one that somebody else took is no error', async () => {
  await using f = await fixture();
  await f.quarantine.take('/nonexistent/file', 'a');
});

test('of a file with two names the last one is kept', async () => {
  await using f = await fixture();
  const path = await f.wrong('a');
  await link(path, `${path}-too`);
  expect(await f.quarantine.take(path, 'a')).toBe(1);
  expect(await systemDisk.facts(path)).toBeNull();
  expect(await f.quarantine.take(`${path}-too`, 'a-too')).toBe(0);
  expect(await f.kept()).toEqual(['a-too']);
});
