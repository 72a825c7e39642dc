import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Algorithm } from '../../base/digest.ts';
import { digestOf } from '../../base/digest.ts';
import type { Layout } from '../../cache/disk/layout.ts';
import { succeed } from '../support/command.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { mounts, smallFileSystem } from '../support/mounts.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, root } from '../support/tools.ts';
import { importing } from './import-fixture.ts';
import { metTogether } from './import-order.ts';
import { openedStore } from './opened-store.ts';
import { bytesBelow, file, mebibyte, readAll } from './pieces.ts';

/** What blobs and parts take. A part that is a second name of a file in the tree takes nothing: that is there without it. */
async function roomTaken({ blobs, parts }: Layout): Promise<number> {
  const facts = await Promise.all((await readdir(parts)).map((name) => stat(join(parts, name))));
  return facts.reduce((sum, { size, nlink }) => sum + (nlink === 1 ? size : 0), await bytesBelow(blobs));
}

/** Just too large to be taken in memory: many are written. */
const tooLarge = mebibyte + 1;

test.each<[string, number, Algorithm, boolean]>([
  ['a small file', 10_000, 'sha256', false],
  ['a large file', tooLarge, 'sha256', false],
  ['a small file listed by sha512', 10_000, 'sha512', false],
  ['a large file listed by sha1', tooLarge, 'sha1', false],
  ['a hard link', 10_000, 'sha256', true],
  ['a hard link listed by sha512', tooLarge, 'sha512', true],
])(
  'whichever disk call fails while %s is imported: nothing wrong is held, nothing miscounted, and the next run ends it',
  async (_, size, algorithm, link) => {
    for (let n = 1; ; n += 1) {
      const disk = FaultyDisk.failingNth(n);
      await using site = await importing({ disk, openTree: metTogether });
      const [one, other] = [file(size, algorithm), file(size, algorithm)];
      await site.publish({ base: { packages: { 'a.rpm': one.listed, 'b.rpm': other.listed } } });
      await site.put('a.rpm', one.bytes);
      await site.put('b.rpm', other.bytes);
      await site.put('c.rpm', file(size).bytes);
      const { layout, space } = site.store;
      const first = await site.run({ link });
      const { files } = first;
      expect(files.matched + files.unlisted + files.unneeded + files.unreadable + files.left).toBe(files.seen);
      expect([space.used, space.reserved]).toEqual([await roomTaken(layout), 0]);
      const failed = disk.calls.length >= n;
      // What would not be removed is removed at the next start.
      const leftOver = disk.calls[n - 1]?.call === 'unlink' ? 1 : 0;
      expect((await readdir(layout.parts)).length).toBeLessThanOrEqual(leftOver);
      site.store.clock.advance(10_000);
      expect(await site.run({ link })).toMatchObject({ complete: true });
      for (const { bytes, listed } of [one, other]) {
        const scope = (await readdir(layout.blobs)).find((name) => algorithm !== 'sha1' || name.includes('only')) ?? '';
        const blob = await site.store.blobs.open(scope, listed);
        expect(blob === null ? null : digestOf((await readAll(blob)).bytes)).toBe(digestOf(bytes));
      }
      expect([space.used, space.reserved]).toEqual([await roomTaken(layout), 0]);
      if (!failed) {
        expect(first).toMatchObject({ complete: true, files: { taken: 2, unlisted: 1 } });
        break;
      }
      expect(n).toBeLessThan(80);
    }
  },
);

test('when the budget is used up nothing more is read, what was taken stays, and another run goes on', async () => {
  let max = 25_000;
  await using site = await importing({ limits: { max: () => max, keepFree: () => 0 } });
  const files = Array.from({ length: 10 }, (_, number) => file(10_000 + number));
  await site.publish({
    base: { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
  });
  for (const [number, { bytes }] of files.entries()) await site.put(`${number}`, bytes);
  const full = await site.run();
  expect(full).toMatchObject({ complete: false, files: { seen: 10, taken: 2 } });
  expect(full.files.failed + full.files.left).toBe(8);
  expect(site.failures[0]?.error.code).toBe('disk_full');
  expect(site.store.space.state).toBe('full');
  const { layout, space } = site.store;
  expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs, layout.parts), 0]);
  max = 2 ** 30;
  site.store.clock.advance(60_000);
  expect(await site.run()).toMatchObject({ complete: true, files: { taken: 8, unneeded: 2 } });
  expect(await readdir(layout.parts)).toEqual([]);
});

test('what an import left that was killed is removed at the next start, and is nothing foreign', async () => {
  await using folder = await temporaryDirectory();
  await (await openedStore(folder.path)).close();
  await writeFile(join(folder.path, 'parts/import-17-1'), file(5000).bytes);
  const log = new LogLines();
  const store = await openedStore(folder.path, { log });
  expect(await readdir(join(folder.path, 'parts'))).toEqual([]);
  expect(store.space.used).toBe(0);
  expect(log.lines.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([]);
  await store.close();
});

/** Does something as a user whom nothing belongs to but what the test gives. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describeWith([root], 'an import by a user who may not read everything', () => {
  test('tells what cannot be read by its name, and takes the rest', async () => {
    await using site = await importing();
    const files = [file(5000), file(6000), file(7000)] as const;
    await site.publish({
      base: { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
    });
    await site.put('open.rpm', files[0].bytes);
    const locked = await site.put('locked.rpm', files[1].bytes);
    const inside = await site.put('shut/inside.rpm', files[2].bytes);
    await succeed('chown', ['-R', '65534', join(site.tree, '..')]);
    await succeed('chown', ['0', locked, dirname(inside)]);
    await chmod(locked, 0o600);
    await chmod(dirname(inside), 0o700);
    expect(await asNobody(() => site.run())).toMatchObject({
      complete: true,
      files: { seen: 2, taken: 1, unreadable: 1 },
      passedOver: { unreadable: 1 },
    });
    expect(site.failures.map(({ path }) => path).toSorted()).toEqual([locked, dirname(inside)].toSorted());
    for (const { error } of site.failures) expect(error.message).toContain('EACCES (this process runs as user 65534)');
    await expect(asNobody(() => site.run({ directory: dirname(inside) }))).rejects.toMatchObject({
      code: 'import_unreadable',
    });
    // A link to what may not be written to would need no more than to be made, and could not be made durable.
    await chmod(locked, 0o644);
    expect(await asNobody(() => site.run({ link: true }))).toMatchObject({ files: { taken: 1 }, copied: { files: 1 } });
  });
});

describeWith([root, mounts], 'an import on file systems of their own', () => {
  test('a full disk ends the storing, not the service: nothing half is held, and files that need no room are linked', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await smallFileSystem(folder.path, '8m');
    const [state, tree] = [join(folder.path, 'state'), join(folder.path, 'tree')];
    await mkdir(tree);
    await using site = await importing({ root: state, tree });
    const files = [0, 1, 2].map((number) => file(1_800_000 + number));
    await site.publish({
      base: { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
    });
    for (const [number, { bytes }] of files.entries()) await site.put(`${number}`, bytes);
    const full = await site.run();
    expect(full).toMatchObject({ complete: false });
    expect(full.files.taken).toBeLessThan(3);
    const { layout, space } = site.store;
    expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs, layout.parts), 0]);
    expect(await readdir(layout.parts)).toEqual([]);
    site.store.clock.advance(60_000);
    expect(await site.run({ link: true })).toMatchObject({ complete: true, copied: { files: 0 } });
    for (const { listed } of files) expect(await site.store.blobs.holds('open', listed)).toBe(true);
    expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs, layout.parts), 0]);
  });

  test('from another file system links become copies', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await smallFileSystem(folder.path, '8m');
    await using site = await importing({ tree: join(folder.path, 'tree') });
    const [small, large] = [file(5000), file(2 * mebibyte)];
    await site.publish({ base: { packages: { 'a.rpm': small.listed, 'b.rpm': large.listed } } });
    await site.put('a.rpm', small.bytes);
    await site.put('b.rpm', large.bytes);
    expect(await site.run({ link: true })).toMatchObject({
      complete: true,
      files: { taken: 2 },
      copied: { files: 2, reason: 'it lies on another file system' },
    });
    expect(site.store.space.used).toBe(await bytesBelow(site.store.layout.blobs));
  });
});
