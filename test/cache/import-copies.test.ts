import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import { rename, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { importing } from './import-fixture.ts';
import { metTogether } from './import-order.ts';
import { file, flipped, mebibyte } from './pieces.ts';
import { accountsAreRight, held } from './import-checks.ts';

/** The real disk, where files share blocks: by a plain copy. `copied` is called afterwards with the source's name. */
function sharing(copied: (from: string) => void = () => {}): Disk {
  const clone = async (from: string, to: string): Promise<boolean> => {
    copyFileSync(from, to);
    copied(from);
    return true;
  };
  return { ...systemDisk, clone };
}

test('where the file system shares blocks, what is shared is hashed, whatever becomes of its source', async () => {
  await using site = await importing({
    disk: sharing((from) => {
      const source = openSync(from, 'r+');
      writeSync(source, Buffer.alloc(2 * mebibyte), 0, 2 * mebibyte, 0);
      closeSync(source);
    }),
  });
  const [right, wrong] = [file(2 * mebibyte), file(2 * mebibyte)];
  await site.publish({ 'site/base': { packages: { 'a.rpm': right.listed, 'b.rpm': wrong.listed } } });
  await site.put('a.rpm', right.bytes);
  await site.put('b.rpm', flipped(wrong.bytes, 17));
  expect(await site.run()).toMatchObject({ complete: true, files: { taken: 1, unlisted: 1 } });
  expect(await held(site, right.listed)).toBe(digestOf(right.bytes));
  await accountsAreRight(site);
});

test('of a source that grows while its blocks are shared nothing is taken', async () => {
  await using site = await importing({
    disk: {
      ...sharing(),
      clone: async (from, to) => {
        copyFileSync(from, to);
        await truncate(to, 2 * mebibyte + 1);
        return true;
      },
    },
  });
  const { bytes, listed } = file(2 * mebibyte);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  await site.put('a.rpm', bytes);
  expect(await site.run()).toMatchObject({ files: { taken: 0, unreadable: 1 } });
  expect(site.failures[0]?.error.message).toMatch(/changed while it was read/);
  await accountsAreRight(site);
});

test.each<[string, (path: string, bytes: Buffer) => Promise<void>, object]>([
  ['is overwritten', (path, bytes) => writeFile(path, flipped(bytes, 2 * mebibyte - 1)), { unlisted: 1 }],
  ['is shortened', (path) => truncate(path, mebibyte), { unreadable: 1 }],
  ['is replaced', (path) => rename(join(path, '../../new'), path), { taken: 1 }],
])('a file that %s while it is copied never gets in with other bytes than were hashed', async (_, change, files) => {
  let changing: () => Promise<void> = async () => {};
  // The first piece is written when the rest is still to be read.
  const openPart: Disk['openPart'] = async (path) => {
    const part = await systemDisk.openPart(path);
    return {
      fd: part.fd,
      read: (buffer, position, length) => part.read(buffer, position, length),
      sync: () => part.sync(),
      stamp: () => part.stamp(),
      close: () => part.close(),
      write: async (chunks, position) => {
        if (position === 0) await changing();
        await part.write(chunks, position);
      },
    };
  };
  await using site = await importing({ disk: { ...systemDisk, openPart } });
  const { bytes, listed } = file(2 * mebibyte);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  const path = await site.put('a.rpm', bytes);
  await writeFile(join(site.tree, '../new'), flipped(bytes, 3));
  changing = () => change(path, bytes);
  expect((await site.run()).files).toMatchObject(files);
  expect([null, digestOf(bytes)]).toContain(await held(site, listed));
  await accountsAreRight(site);
});

test('a hard link is the file itself, with its times, and is taken for right only while it is unchanged', async () => {
  await using site = await importing({ openTree: metTogether });
  const files = [file(5000), file(2 * mebibyte), file(6000, 'sha512')] as const;
  await site.publish({
    'site/base': { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
  });
  const paths: string[] = [];
  for (const [number, { bytes }] of files.entries()) paths.push(await site.put(`${number}.rpm`, bytes));
  await site.put('unlisted.rpm', file(5000).bytes);
  const time = new Date(1_600_000_000_000);
  for (const path of paths) await utimes(path, time, time);
  expect(await site.run({ link: true })).toMatchObject({
    complete: true,
    files: { taken: 3, unlisted: 1 },
    copied: { files: 0 },
  });
  await accountsAreRight(site);
  for (const [number, { bytes, listed }] of files.entries()) {
    const [source, blob] = await Promise.all([stat(paths[number] ?? ''), stat(site.store.layout.blob('open', listed))]);
    expect([blob.ino, source.mtimeMs]).toEqual([source.ino, time.getTime()]);
    expect(await held(site, listed)).toBe(digestOf(bytes));
  }
  await writeFile(paths[0] ?? '', flipped(files[0].bytes, 10));
  site.store.clock.advance(2_000);
  expect(await held(site, files[0].listed)).toBeNull();
});

test('a link that cannot be made is a copy, and the report says why', async () => {
  const disk = new FaultyDisk(({ call, path }) => (call === 'link' && path.includes('/tree/') ? 'EXDEV' : null));
  await using site = await importing({ disk });
  const files = [file(5000), file(2 * mebibyte)] as const;
  await site.publish({ 'site/base': { packages: { 'a.rpm': files[0].listed, 'b.rpm': files[1].listed } } });
  const path = await site.put('a.rpm', files[0].bytes);
  await site.put('b.rpm', files[1].bytes);
  expect(await site.run({ link: true })).toMatchObject({
    complete: true,
    files: { taken: 2 },
    copied: { files: 2, reason: 'it lies on another file system' },
  });
  expect((await stat(path)).nlink).toBe(1);
  await accountsAreRight(site);
});
