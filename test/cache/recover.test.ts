import { link, mkdir, readdir, readFile, stat, utimes, writeFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { systemDisk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { Layout } from '../../cache/disk/layout.ts';
import type { Store, StoreOptions } from '../../cache/store.ts';
import { expireParts } from '../../cache/upkeep/expire-parts.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import type { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { openedStore } from './opened-store.ts';
import { file, mebibyte, pieces, readAll } from './pieces.ts';

const hour = 3_600_000;

/** A state directory in which `left` was put after a clean stop, opened and recovered. */
async function recovered(
  root: string,
  left: Readonly<Record<string, Buffer>>,
  options: Partial<StoreOptions> = {},
): Promise<{ readonly store: Store; readonly log: LogLines }> {
  await (await openedStore(root)).close();
  // As a kill leaves it: without the word of a clean stop.
  await rm(join(root, 'blobs.snapshot'), { force: true });
  for (const [name, bytes] of Object.entries(left)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
  const log = new LogLines();
  return { store: await openedStore(root, { log, ...options }), log };
}

const partOf = (listed: ReturnType<typeof file>['listed']): string => new Layout('').part('open', listed);

describe('a start', () => {
  test('counts a file until the last of its names goes, also one in parts/ that the disk does not let go of', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(700);
    const blob = new Layout(folder.path).blob('open', listed);
    await (await openedStore(folder.path)).close();
    await rm(join(folder.path, 'blobs.snapshot'));
    await mkdir(dirname(blob), { recursive: true });
    await writeFile(blob, bytes);
    await utimes(blob, proven / 1000, proven / 1000);
    await link(blob, join(folder.path, 'parts/link-left-1'));
    const disk = new FaultyDisk(({ call, path }) => (call === 'unlink' && path.includes('/link-') ? 'EROFS' : null));
    const store = await openedStore(folder.path, { disk });
    await store.recovered;
    expect(store.space.used).toBe(700);
    expect((await store.blobs.remove('open', listed)).result).toBe('removed');
    expect(store.space.used).toBe(700);
    await store.close();
    const again = await openedStore(folder.path);
    await again.recovered;
    expect([again.space.used, await readdir(join(folder.path, 'parts'))]).toEqual([0, []]);
    await again.close();
  });

  test('removes documents that were not wholly written, and leaves alone what it did not make', async () => {
    await using folder = await temporaryDirectory();
    const { id } = generation(1);
    const key = 'a'.repeat(64);
    const half = Buffer.from('{');
    const { store, log } = await recovered(folder.path, {
      'FORMAT.new': half,
      'current.json.new': half,
      'notes-of-mine.new': half,
      'README.txt': half,
      [`generations/corp/${id}.json.new`]: half,
      'generations/corp/mine.json.new': half,
      [`unlisted/${key}.json.new`]: half,
      'unlisted/list.json.new': half,
      'parts/mine.iso': half,
    });
    expect(await readdir(folder.path)).not.toContain('FORMAT.new');
    expect(await readdir(folder.path)).not.toContain('current.json.new');
    expect(await readdir(join(folder.path, 'generations/corp'))).toEqual(['mine.json.new']);
    expect(await readdir(join(folder.path, 'unlisted'))).toEqual(['list.json.new']);
    expect(await readdir(join(folder.path, 'parts'))).toEqual(['mine.iso']);
    expect((await readdir(folder.path)).filter((name) => /mine|README/.test(name)).toSorted()).toEqual([
      'README.txt',
      'notes-of-mine.new',
    ]);
    const said = log.about(/did not make/).flatMap(({ fields }) => (fields as { examples: string[] }).examples);
    expect(said.map((path) => path.slice(folder.path.length + 1)).toSorted()).toEqual([
      'README.txt',
      'generations/corp/mine.json.new',
      'notes-of-mine.new',
      'parts/mine.iso',
      'unlisted/list.json.new',
    ]);
    await store.close();
  });

  test('finds nothing foreign in what an earlier run made', async () => {
    await using folder = await temporaryDirectory();
    const before = await openedStore(folder.path);
    const { bytes, listed } = file(5000, 'sha512');
    await before.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), new AbortController().signal);
    await before.publish(generation(1));
    await before.notes.put('key', 1);
    await before.close();
    const log = new LogLines();
    await (await openedStore(folder.path, { log })).close();
    expect(log.about(/did not make/)).toEqual([]);
  });

  test('says in one line that files among the blobs have no blob names', async () => {
    await using folder = await temporaryDirectory();
    const foreign = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`blobs/open/sha256/ab/mine-${n}`, Buffer.from('x')]),
    );
    const { store, log } = await recovered(folder.path, foreign);
    expect(log.about(/did not make/)).toMatchObject([{ fields: { files: 20 } }]);
    expect(await readdir(join(folder.path, 'blobs/open/sha256/ab'))).toHaveLength(20);
    await store.close();
  });

  test('adopts a part that was proven and marked so, but not yet named, when the kill came', async () => {
    await using folder = await temporaryDirectory();
    await (await openedStore(folder.path)).close();
    const { bytes, listed } = file(3 * mebibyte);
    const part = join(folder.path, partOf(listed));
    await writeFile(part, bytes);
    await systemDisk.stamp(part);
    expect((await stat(part)).mtimeMs).toBe(proven);
    const store = await openedStore(folder.path);
    expect((await readAll((await store.blobs.open('open', listed))!)).bytes.equals(bytes)).toBe(true);
    expect(store.space.used).toBe(listed.size);
    await store.close();
  });

  test('keeps a part whose time is yet to come: the clock may have been wrong then, or is now', async () => {
    await using folder = await temporaryDirectory();
    await (await openedStore(folder.path)).close();
    const { bytes, listed } = file(5000);
    const part = join(folder.path, partOf(listed));
    await writeFile(part, bytes.subarray(0, 100));
    const inTenYears = systemClock.now() / 1000 + 10 * 365 * 24 * 3600;
    await utimes(part, inTenYears, inTenYears);
    const store = await openedStore(folder.path);
    expect((await readFile(part)).length).toBe(100);
    expect(store.space.used).toBe(100);
    await store.close();
  });

  test('counts a part that is of no use but cannot be removed: it takes its room', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(5000);
    const name = partOf({ ...listed, size: 4000 });
    const disk = new FaultyDisk(({ call, path }) => (call === 'unlink' && path.endsWith('.4000') ? 'EIO' : null));
    const { store, log } = await recovered(folder.path, { [name]: bytes }, { disk });
    expect(store.space.used).toBe(5000);
    expect(log.about(/cannot be removed/)).toHaveLength(1);
    await store.close();
  });

  test('passes over a part that cannot be looked at, and tidies the others', async () => {
    await using folder = await temporaryDirectory();
    const [sick, well] = [file(5000), file(6000)];
    const disk = new FaultyDisk();
    const { facts } = disk;
    const failing: typeof facts = async (path) => {
      if (path.endsWith(partOf(sick.listed))) throw Object.assign(new Error('bad sector'), { code: 'EIO' });
      return facts(path);
    };
    const left = { [partOf(sick.listed)]: Buffer.alloc(10), [partOf(well.listed)]: Buffer.alloc(20) };
    const { store, log } = await recovered(folder.path, left, { disk: Object.assign(disk, { facts: failing }) });
    expect(store.space.used).toBe(20);
    expect(log.about(/cannot be looked at/)).toHaveLength(1);
    await store.close();
  });
});

describe('while running', () => {
  /** Lets `hours` pass, an hour at a time, with all that happens in each. */
  async function pass(clock: StandingClock, hours: number): Promise<void> {
    for (let past = 0; past < hours; past += 1) {
      await clock.sleeping(hour, hour);
      clock.advance(hour);
    }
    await clock.sleeping(hour, hour);
  }

  test('a part is removed once nobody went on with it for a day, and no earlier', async () => {
    await using store = await pieces();
    const { bytes, listed } = file(5000);
    const path = store.layout.part('open', listed);
    await writeFile(path, bytes.subarray(0, 100));
    store.space.adjust(100);
    const stopping = new AbortController();
    const ended = expireParts({ ...store, log: new LogLines() }, stopping.signal);
    await pass(store.clock, 23);
    expect((await readFile(path)).length).toBe(100);
    await pass(store.clock, 1);
    expect(await readdir(store.layout.parts)).toEqual([]);
    expect(store.space.used).toBe(0);
    stopping.abort();
    await ended;
  });

  test('a part that grew counts from then on anew', async () => {
    await using store = await pieces();
    const { bytes, listed } = file(5000);
    const path = store.layout.part('open', listed);
    await writeFile(path, bytes.subarray(0, 100));
    const stopping = new AbortController();
    const ended = expireParts({ ...store, log: new LogLines() }, stopping.signal);
    await pass(store.clock, 20);
    await writeFile(path, bytes.subarray(0, 200));
    await pass(store.clock, 20);
    expect((await readFile(path)).length).toBe(200);
    await pass(store.clock, 5);
    expect(await readdir(store.layout.parts)).toEqual([]);
    stopping.abort();
    await ended;
  });

  test('a fill that begins while its part is looked at waits, and begins anew when it was removed', async () => {
    await using store = await pieces();
    const { bytes, listed } = file(3 * mebibyte);
    const path = store.layout.part('open', listed);
    await writeFile(path, bytes.subarray(0, 2 * mebibyte));
    store.space.adjust(2 * mebibyte);
    const gate = Promise.withResolvers<void>();
    const removing = store.fills.whileNoneOf({ scope: 'open', listed }, async () => {
      await gate.promise;
      await systemDisk.unlink(path);
      store.space.adjust(-2 * mebibyte);
    });
    const loader = new ScriptedLoader([{ bytes }]);
    const filled = store.fills.ensure({ scope: 'open', listed, loader: () => loader }, new AbortController().signal);
    gate.resolve();
    await Promise.all([removing, filled]);
    expect(loader.opened).toEqual([0]);
    expect([store.space.used, store.space.reserved]).toEqual([listed.size, 0]);
  });

  test('a part that a fill is going on with is left to it', async () => {
    await using store = await pieces();
    const { bytes, listed } = file(3 * mebibyte);
    const loader = new ScriptedLoader([{ bytes }]);
    const filled = store.fills.ensure({ scope: 'open', listed, loader: () => loader }, new AbortController().signal);
    let looked = false;
    await store.fills.whileNoneOf({ scope: 'open', listed }, async () => void (looked = true));
    expect(looked).toBe(false);
    await filled;
  });
});
