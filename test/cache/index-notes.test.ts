import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Level } from 'level';
import { describe, expect, test } from 'vitest';
import { silentMeter } from '../../base/metrics.ts';
import type { Counter } from '../../base/metrics.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { IndexNotes } from '../../cache/index-notes.ts';
import type { Notes } from '../../cache/notes.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

interface Opened {
  readonly notes: IndexNotes;
  readonly log: LogLines;
  readonly clock: StandingClock;
  /** How often it was begun anew. */
  readonly rebuilt: () => number;
}

function notesIn(root: string, disk: Disk = systemDisk): Opened {
  const log = new LogLines();
  const clock = new StandingClock();
  let rebuilt = 0;
  const counter = (name: string): Counter => ({ inc: () => void (name === 'index_rebuilt_total' && (rebuilt += 1)) });
  const notes = new IndexNotes({ disk, layout: new Layout(root), log, clock, meter: { ...silentMeter, counter } });
  return { notes, log, clock, rebuilt: () => rebuilt };
}

async function works(notes: Notes): Promise<void> {
  await notes.put('key', { some: ['value'] });
  expect(await notes.get('key')).toEqual({ some: ['value'] });
  expect(await notes.get('another')).toBeNull();
}

/** A database with more than its log holds. */
async function database(index: string): Promise<void> {
  const level = new Level<string, unknown>(index, { valueEncoding: 'json' });
  await level.batch(
    Array.from({ length: 3000 }, (_, n) => ({ type: 'put' as const, key: `old ${n}`, value: 'x'.repeat(50) })),
  );
  await level.close();
  // What its log holds becomes a table when it is opened.
  await level.open();
  await level.close();
}

async function namesOf(index: string, pattern: RegExp): Promise<string[]> {
  const found = (await readdir(index)).filter((name) => pattern.test(name)).map((name) => join(index, name));
  expect(found).not.toEqual([]);
  return found;
}

/** Garbage as long as what it takes the place of, but for so many bytes at the end. */
async function overwrite(path: string, kept = 0): Promise<void> {
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length - kept; at += 1) bytes[at] = (at * 31) % 251;
  await writeFile(path, bytes);
}

/** Makes garbage of the blocks of its tables, but not of their ends, which say where blocks are: they still open. */
async function damageTables(index: string): Promise<void> {
  for (const table of await namesOf(index, /\.ldb$/)) await overwrite(table, 200);
}

/** CRC-32C as LevelDB masks it. */
function maskedCrc(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A database as it would be with another order of keys: its first manifest record names it. */
async function otherComparator(index: string): Promise<void> {
  await database(index);
  for (const manifest of await namesOf(index, /^MANIFEST/)) {
    const bytes = await readFile(manifest);
    const name = bytes.indexOf('leveldb.BytewiseComparator');
    expect(name).toBeGreaterThan(0);
    bytes.write('another.BytewiseComparator', name);
    const length = bytes.readUInt16LE(4);
    bytes.writeUInt32LE(maskedCrc(bytes.subarray(6, 7 + length)), 0);
    await writeFile(manifest, bytes);
  }
}

test('notes outlive the process, and nothing is said', async () => {
  await using folder = await temporaryDirectory();
  const before = notesIn(folder.path);
  await works(before.notes);
  expect(before.notes.inMemory).toBe(false);
  await before.notes.close();
  const after = notesIn(folder.path);
  expect(await after.notes.get('key')).toEqual({ some: ['value'] });
  await after.notes.close();
  expect([...before.log.lines, ...after.log.lines]).toEqual([]);
  expect(before.rebuilt()).toBe(0);
});

describe('an index that will not open is moved aside and begun anew, said once and counted:', () => {
  test.each<[string, RegExp, (index: string) => Promise<void>]>([
    ['a file', /file already exists/, (index) => writeFile(index, 'no database')],
    ['a link to itself', /symbolic links/i, (index) => symlink(index, index)],
    [
      'one with garbage for a manifest',
      /corruption/i,
      async (index) => {
        await database(index);
        for (const name of await namesOf(index, /^MANIFEST/)) await overwrite(name);
      },
    ],
    [
      'one with a torn manifest',
      /corruption/i,
      async (index) => {
        await database(index);
        for (const name of await namesOf(index, /^MANIFEST/)) await writeFile(name, 'torn');
      },
    ],
    [
      'one with an empty CURRENT',
      /corruption/i,
      async (index) => {
        await database(index);
        await writeFile(join(index, 'CURRENT'), '');
      },
    ],
    [
      'one that names a manifest that is not there',
      /MANIFEST-999999/,
      async (index) => {
        await database(index);
        await writeFile(join(index, 'CURRENT'), 'MANIFEST-999999\n');
      },
    ],
    [
      'one that lost a table',
      /missing/i,
      async (index) => {
        await database(index);
        for (const name of await namesOf(index, /\.ldb$/)) await rm(name);
      },
    ],
    ['one with another order of keys', /another\.BytewiseComparator/, otherComparator],
  ])('%s', async (_, why, damage) => {
    await using folder = await temporaryDirectory();
    await damage(join(folder.path, 'index'));
    const { notes, log, rebuilt } = notesIn(folder.path);
    await works(notes);
    expect(notes.inMemory).toBe(false);
    await notes.close();
    expect((await readdir(folder.path)).toSorted()).toEqual(['index', 'index.damaged']);
    expect(log.lines).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/moved aside/), fields: { error: expect.stringMatching(why) } },
    ]);
    expect(rebuilt()).toBe(1);
    const again = notesIn(folder.path);
    expect(await again.notes.get('key')).toEqual({ some: ['value'] });
    await again.notes.close();
    expect(again.log.lines).toEqual([]);
  });

  test('a folder that cannot be read', async () => {
    await using folder = await temporaryDirectory();
    const index = join(folder.path, 'index');
    await mkdir(index, { mode: 0 });
    // Nothing is unreadable for root.
    const user = process.getuid?.() === 0 ? 65_534 : null;
    if (user !== null) {
      await chown(folder.path, user, -1);
      await chown(index, user, -1);
      process.seteuid?.(user);
    }
    try {
      const { notes, log, rebuilt } = notesIn(folder.path);
      await works(notes);
      await notes.close();
      expect(log.lines).toMatchObject([{ fields: { error: expect.stringMatching(/permission denied/i) } }]);
      expect(rebuilt()).toBe(1);
    } finally {
      if (user !== null) process.seteuid?.(0);
      await chmod(`${index}.damaged`, 0o700);
    }
  });

  test('one that another process has open: both go on', async () => {
    await using folder = await temporaryDirectory();
    const script = fileURLToPath(new URL('../support/level-child.ts', import.meta.url));
    const child = spawn(process.execPath, [script, join(folder.path, 'index')], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const { notes, log, rebuilt } = notesIn(folder.path);
    await works(notes);
    await notes.close();
    expect(log.lines).toMatchObject([{ fields: { error: expect.stringMatching(/lock/i) } }]);
    expect(rebuilt()).toBe(1);
    child.stdin.end();
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    const theirs = new Level(join(folder.path, 'index.damaged'));
    expect(await theirs.get('key')).toBe('theirs');
    await theirs.close();
  });

  test('one after the other: what was moved aside before is replaced', async () => {
    await using folder = await temporaryDirectory();
    for (let time = 0; time < 3; time += 1) {
      await rm(join(folder.path, 'index'), { recursive: true, force: true });
      await writeFile(join(folder.path, 'index'), `damaged ${time}`);
      const { notes } = notesIn(folder.path);
      await works(notes);
      await notes.close();
    }
    expect((await readdir(folder.path)).toSorted()).toEqual(['index', 'index.damaged']);
    expect(await readFile(join(folder.path, 'index.damaged'), 'utf8')).toBe('damaged 2');
  });
});

describe('an index that fails while the service runs', () => {
  test('for a damaged table is begun anew at once; no read and no write throws', async () => {
    await using folder = await temporaryDirectory();
    const index = join(folder.path, 'index');
    await database(index);
    await damageTables(index);
    const { notes, log, rebuilt } = notesIn(folder.path);
    expect(await Promise.all(['old 5', 'old 6', 'old 2999'].map((key) => notes.get(key)))).toEqual([null, null, null]);
    await works(notes);
    expect(notes.inMemory).toBe(false);
    expect(rebuilt()).toBe(1);
    expect(log.lines).toMatchObject([
      { message: expect.stringMatching(/moved aside/), fields: { error: expect.stringMatching(/corrupt/i) } },
    ]);
    await notes.close();
    const after = notesIn(folder.path);
    expect(await after.notes.get('key')).toEqual({ some: ['value'] });
    await after.notes.close();
  });

  test('again within a minute is let be: notes stay in memory until then', async () => {
    await using folder = await temporaryDirectory();
    const index = join(folder.path, 'index');
    await writeFile(index, 'no database');
    const { notes, log, clock, rebuilt } = notesIn(folder.path);
    // A table is whole, and read, once the log that it was made from is removed.
    const tableMade = async (): Promise<boolean> => {
      const names = await readdir(index);
      return names.some((name) => name.endsWith('.ldb')) && names.filter((name) => name.endsWith('.log')).length === 1;
    };
    for (let n = 0; n < 60; n += 1) await notes.put(`large ${n}`, 'x'.repeat(100_000));
    while (!(await tableMade())) await setImmediate();
    expect(rebuilt()).toBe(1);
    await damageTables(index);
    expect((await notes.get('large 0')) === null).toBe(true);
    expect(notes.inMemory).toBe(true);
    await works(notes);
    expect(rebuilt()).toBe(1);
    clock.advance(60_000);
    await notes.put('later', 1);
    expect(notes.inMemory).toBe(false);
    expect((await notes.get('large 0')) === null).toBe(true);
    await notes.put('last', 2);
    expect(notes.inMemory).toBe(false);
    expect(rebuilt()).toBe(2);
    expect(log.lines.map(({ message }) => message)).toEqual([
      expect.stringMatching(/moved aside/),
      expect.stringMatching(/stay in memory/),
      expect.stringMatching(/moved aside/),
    ]);
    await notes.close();
  });
});

describe('while no index can be kept on disk', () => {
  test('notes last as long as the process, which is said once', async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, 'index'), 'no database');
    const disk = new FaultyDisk(({ call }) => (call === 'rename' ? 'EROFS' : null));
    const { notes, log, clock, rebuilt } = notesIn(folder.path, disk);
    await works(notes);
    expect(notes.inMemory).toBe(true);
    clock.advance(61_000);
    await works(notes);
    await notes.close();
    expect(log.lines).toMatchObject([{ message: expect.stringMatching(/stay in memory/) }]);
    expect(rebuilt()).toBe(0);
  });

  test('it is tried again a minute later, and gets what was kept in memory', async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, 'index'), 'no database');
    let sick = true;
    const disk = new FaultyDisk(({ call }) => (call === 'rename' && sick ? 'EIO' : null));
    const { notes, clock, rebuilt } = notesIn(folder.path, disk);
    await notes.put('before', 1);
    expect(notes.inMemory).toBe(true);
    sick = false;
    clock.advance(59_000);
    await notes.put('still', 2);
    expect(notes.inMemory).toBe(true);
    clock.advance(1_000);
    await notes.put('after', 3);
    expect(notes.inMemory).toBe(false);
    expect(rebuilt()).toBe(1);
    await notes.close();
    const later = notesIn(folder.path);
    expect(await Promise.all(['before', 'still', 'after'].map((key) => later.notes.get(key)))).toEqual([1, 2, 3]);
    await later.notes.close();
  });

  test('nobody waits longer than a second for it to open', async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, 'index'), 'no database');
    const gate = Promise.withResolvers<void>();
    const disk = new FaultyDisk();
    const { facts } = disk;
    const hanging: typeof facts = async (path) => {
      await gate.promise;
      return facts(path);
    };
    const { notes, clock } = notesIn(folder.path, Object.assign(disk, { facts: hanging }));
    const written = notes.put('mine', 1);
    expect(await notes.get('mine')).toBe(1);
    const asked = notes.get('another');
    await clock.sleeping(1_000, 1_000);
    clock.advance(1_000);
    expect(await asked).toBeNull();
    expect(await notes.get('a third')).toBeNull();
    gate.resolve();
    await written;
    expect(notes.inMemory).toBe(false);
    await notes.close();
  });
});
