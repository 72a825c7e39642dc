import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { QueueName } from '../../cache/blobs/blob-entries.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { BlobStore } from '../../cache/blobs/blob-store.ts';
import { flag } from '../../cache/blobs/entry-flags.ts';
import { Marks } from '../../cache/blobs/marks.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Space } from '../../cache/space/space.ts';
import { Census, takeSnapshot } from '../../cache/upkeep/census.ts';
import { silentLogger } from '../../base/log.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { file, roomy } from './pieces.ts';

/** One life of a service over a state directory, as far as counting goes. */
async function life(root: string, disk: Disk = systemDisk, after: Promise<void> = Promise.resolve()) {
  const layout = new Layout(root);
  for (const folder of [layout.blobs, layout.parts]) await systemDisk.makeFolder(folder);
  const clock = new StandingClock();
  const index = new BlobIndex(() => 1_000);
  const space = new Space({ disk, root, limits: roomy, clock });
  await space.measure();
  const blobs = new BlobStore({ disk, layout, index, space, clock, log: silentLogger });
  const parts = { disk, layout, index, marks: new Marks(index), blobs, space, clock, log: silentLogger, after };
  const census = new Census(parts, await takeSnapshot(parts));
  const stopping = new AbortController();
  return { ...parts, census, stopping, run: () => census.run(stopping.signal) };
}

async function put(layout: Layout, scope: string, listed: Listed, bytes: Buffer): Promise<void> {
  const path = layout.blob(scope, listed);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

const order = (index: BlobIndex, queue: QueueName): string[] => {
  const found: string[] = [];
  for (let oldest = index.oldest(queue); oldest !== null; oldest = index.oldest(queue)) {
    found.push(oldest.digest);
    index.delete(oldest.scope, oldest.digest);
  }
  return found;
};

/** Three blobs in two scopes, one of them asked for twice and one protected; then a clean stop. */
async function stopped(root: string) {
  const before = await life(root);
  await before.run();
  const blobs = [file(1_000), file(2_000, 'sha512'), file(3_000)];
  for (const [number, { bytes, listed }] of blobs.entries()) {
    const scope = number === 2 ? 'corp' : 'open';
    await put(before.layout, scope, listed, bytes);
    before.index.add(scope, listed, { wanted: true });
    before.space.adjust(listed.size);
  }
  before.index.touch('open', blobs[0]!.listed.digest);
  before.index.requeue('probation', (flags) => flags);
  before.marks.protect('corp', blobs[2]!.listed.digest);
  before.marks.end();
  await before.census.end();
  return { layout: before.layout, blobs };
}

describe('after a clean stop', () => {
  test('the index is as it was: order, uses, protection, sizes, and nothing is listed', async () => {
    await using folder = await temporaryDirectory();
    const { blobs } = await stopped(folder.path);
    const listed: string[] = [];
    const after = await life(folder.path, {
      ...systemDisk,
      list: (path) => {
        listed.push(path);
        return systemDisk.list(path);
      },
    });
    await after.run();
    expect([after.index.size, after.space.used, after.marks.protectionKnown]).toEqual([3, 6_000, true]);
    expect(listed.filter((path) => path.startsWith(after.layout.blobs))).toEqual([]);
    expect([...after.index.blobs((flags) => (flags & flag.protected) !== 0)].map(({ scope }) => scope)).toEqual([
      'corp',
    ]);
    const [first, second, third] = blobs.map((blob) => blob.listed.digest);
    expect(order(after.index, 'main')).toEqual([first]);
    expect(order(after.index, 'probation')).toEqual([second?.slice(0, 7 + 64), third]);
  });

  test('a kill brings no snapshot of before back: the names are counted', async () => {
    await using folder = await temporaryDirectory();
    const { blobs } = await stopped(folder.path);
    const killed = await life(folder.path);
    await killed.run();
    await rm(killed.layout.blob('open', blobs[0]!.listed));
    const fresh = file(500);
    await put(killed.layout, 'open', fresh.listed, fresh.bytes);
    const after = await life(folder.path);
    await after.run();
    expect([after.index.size, after.space.used]).toEqual([3, 5_500]);
    expect(new Set([...after.index.blobs()].map(({ size }) => size))).toEqual(new Set([500, 2_000, 3_000]));
    expect(after.marks.protectionKnown).toBe(false);
  });

  test('of a life that never learned what is protected nobody takes it for nothing', async () => {
    await using folder = await temporaryDirectory();
    const { layout } = await stopped(folder.path);
    await rm(layout.snapshot);
    const short = await life(folder.path);
    await short.run();
    await short.census.end();
    const after = await life(folder.path);
    await after.run();
    expect([after.index.size, after.space.used, after.marks.protectionKnown]).toEqual([3, 6_000, false]);
  });

  test('what comes while the snapshot is read is counted once', async () => {
    await using folder = await temporaryDirectory();
    const { blobs } = await stopped(folder.path);
    const after = await life(folder.path);
    const running = after.run();
    const fresh = file(500);
    expect(after.index.add('open', fresh.listed)).toBe(true);
    after.space.adjust(fresh.listed.size);
    await running;
    expect([after.index.size, after.space.used]).toEqual([4, 6_500]);
    expect(after.index.add('open', blobs[0]!.listed)).toBe(false);
  });
});

describe('a snapshot that is', () => {
  const damages: Record<string, (path: string) => Promise<void>> = {
    'cut short': (path) => truncate(path, 100),
    empty: (path) => truncate(path, 0),
    'of another version': (path) => writeFile(path, 'WSBLOB\x02\n'.padEnd(200)),
    'changed in one byte': async (path) => {
      const bytes = await systemDisk.readFile(path);
      bytes![90]! ^= 1;
      await writeFile(path, bytes!);
    },
  };
  test.each(Object.keys(damages))('%s is of no use, and the names are counted', async (name) => {
    await using folder = await temporaryDirectory();
    const { layout } = await stopped(folder.path);
    await damages[name]?.(layout.snapshot);
    const after = await life(folder.path);
    await after.run();
    expect([after.index.size, after.space.used, after.census.complete]).toEqual([3, 6_000, true]);
  });
});

test('an hourly snapshot keeps the order of eviction over a kill', async () => {
  await using folder = await temporaryDirectory();
  const { blobs, layout } = await stopped(folder.path);
  expect(existsSync(layout.snapshot)).toBe(true);
  await (await life(folder.path)).run();
  expect(await readdir(folder.path)).toContain('blobs.snapshot.used');
  const after = await life(folder.path);
  await after.run();
  expect(order(after.index, 'main')).toEqual([blobs[0]!.listed.digest]);
});

test('blobs that cannot all be listed are never noted as all there are', async () => {
  await using folder = await temporaryDirectory();
  const { layout } = await stopped(folder.path);
  await rm(layout.snapshot);
  const list = (path: string): Promise<readonly string[]> =>
    path.endsWith('corp') ? Promise.reject(new Error('EIO')) : systemDisk.list(path);
  const after = await life(folder.path, { ...systemDisk, list });
  await after.run();
  await after.census.end();
  expect([after.census.complete, existsSync(layout.snapshot)]).toEqual([false, false]);
});

describe('a service that does not listen yet', () => {
  test('counts nothing until it does, from names too', async () => {
    await using folder = await temporaryDirectory();
    const { blobs } = await stopped(folder.path);
    const listed: string[] = [];
    const disk: Disk = { ...systemDisk, list: (path) => (listed.push(path), systemDisk.list(path)) };
    const listening = Promise.withResolvers<void>();
    await rm(join(folder.path, 'blobs.snapshot'));
    const { index, run } = await life(folder.path, disk, listening.promise);
    const counted = run();
    await new Promise((resolve) => setImmediate(resolve));
    expect([index.size, listed]).toEqual([0, []]);
    listening.resolve();
    await counted;
    expect(index.size).toBe(blobs.length);
  });

  test('reads the snapshot before it listens for whoever has to work on a name that it covers', async () => {
    await using folder = await temporaryDirectory();
    const { blobs } = await stopped(folder.path);
    const { index, space, blobs: store, run } = await life(folder.path, systemDisk, new Promise(() => {}));
    const counted = run();
    const [first] = blobs;
    expect(await store.distrust('open', first!.listed)).toBe(true);
    await counted;
    expect([index.size, space.used]).toEqual([2, 5_000]);
  });

  test('may end without having counted', async () => {
    await using folder = await temporaryDirectory();
    await stopped(folder.path);
    const { index, run, stopping } = await life(folder.path, systemDisk, new Promise(() => {}));
    const counted = run();
    stopping.abort();
    await counted;
    expect(index.size).toBe(0);
  });
});
