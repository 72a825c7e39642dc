import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../cache/disk/disk.ts';
import type { Disk } from '../../cache/disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { openNotes } from '../../cache/notes.ts';
import type { Notes } from '../../cache/notes.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function notesIn(root: string, disk: Disk = systemDisk): Notes {
  return openNotes(disk, new Layout(root), silentLogger);
}

async function works(notes: Notes): Promise<void> {
  await notes.put('key', { some: ['value'] });
  expect(await notes.get('key')).toEqual({ some: ['value'] });
  expect(await notes.get('another')).toBeNull();
}

test('notes outlive the process', async () => {
  await using folder = await temporaryDirectory();
  const before = notesIn(folder.path);
  await works(before);
  await before.close();
  const after = notesIn(folder.path);
  expect(await after.get('key')).toEqual({ some: ['value'] });
  await after.close();
});

test.each<[string, (index: string) => Promise<void>]>([
  ['is a file', (index) => writeFile(index, 'no database')],
  [
    'has a torn manifest',
    async (index) => {
      const before = new Level(index);
      await before.put('key', 'value');
      await before.close();
      const manifest = (await readdir(index)).find((name) => name.startsWith('MANIFEST'));
      await writeFile(join(index, manifest ?? ''), 'torn');
    },
  ],
  [
    'names a manifest that is not there',
    async (index) => {
      const before = new Level(index);
      await before.put('key', 'value');
      await before.close();
      await writeFile(join(index, 'CURRENT'), 'MANIFEST-999999\n');
    },
  ],
])('an index that %s is moved aside and begun anew', async (_, damage) => {
  await using folder = await temporaryDirectory();
  await damage(join(folder.path, 'index'));
  const notes = notesIn(folder.path);
  await works(notes);
  await notes.close();
  expect((await readdir(folder.path)).toSorted()).toEqual(['index', 'index.damaged']);
  const again = notesIn(folder.path);
  expect(await again.get('key')).toEqual({ some: ['value'] });
  await again.close();
});

test('an index that is moved aside replaces the one that was moved aside before', async () => {
  await using folder = await temporaryDirectory();
  for (let time = 0; time < 2; time += 1) {
    await rm(join(folder.path, 'index'), { recursive: true, force: true });
    await writeFile(join(folder.path, 'index'), `damaged ${time}`);
    const notes = notesIn(folder.path);
    await works(notes);
    await notes.close();
  }
  expect((await readdir(folder.path)).toSorted()).toEqual(['index', 'index.damaged']);
});

test('an index that somebody else has open is moved aside: both go on', async () => {
  await using folder = await temporaryDirectory();
  const other = new Level<string, unknown>(join(folder.path, 'index'), { valueEncoding: 'json' });
  await other.put('key', 'theirs');
  const notes = notesIn(folder.path);
  await works(notes);
  await notes.close();
  expect(await other.get('key')).toBe('theirs');
  await other.close();
});

test('when no index can be kept on disk, notes last as long as the process', async () => {
  await using folder = await temporaryDirectory();
  await writeFile(join(folder.path, 'index'), 'no database');
  const disk = new FaultyDisk(({ call }) => (call === 'rename' ? 'EROFS' : null));
  const notes = notesIn(folder.path, disk);
  await works(notes);
  await notes.close();
});
