import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import { mkdir, readdir, rename, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Listed } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { command } from '../support/command.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { importing } from './import-fixture.ts';
import type { Importing } from './import-fixture.ts';
import { firstAlone, metTogether } from './import-order.ts';
import { bytesBelow, file, flipped, idle, mebibyte, readAll } from './pieces.ts';

const patient = new AbortController().signal;

/** The sha256 of what is held under a name, null: nothing is. */
async function held({ store }: Importing, listed: Listed, scope = 'open'): Promise<string | null> {
  const blob = await store.blobs.open(scope, listed);
  return blob === null ? null : digestOf((await readAll(blob)).bytes);
}

/** Blobs and parts on disk are what counts as used, nothing is reserved, no part is left. */
async function accountsAreRight({ store }: Importing): Promise<void> {
  const { layout, space } = store;
  expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs, layout.parts), 0]);
  expect(await readdir(layout.parts)).toEqual([]);
}

test('what is listed is taken wherever it lies and whatever its name, what is not is left alone', async () => {
  await using site = await importing();
  const [small, large, empty, unlisted] = [file(5000), file(3 * mebibyte), file(0), file(5001)];
  const record = file(700);
  await site.publish({
    'site/base': {
      packages: { 'p/small.rpm': small.listed, 'p/large.rpm': large.listed, 'p/empty': empty.listed },
      fields: { records: { 'repodata/primary.xml.gz': record.listed } },
    },
  });
  await site.put('flat/other-name.rpm', small.bytes);
  await site.put('a/b/c/large.rpm', large.bytes);
  await site.put('empty', empty.bytes);
  await site.put('mirror/repodata/primary.xml.gz', record.bytes);
  await site.put('mirror/repodata/repomd.xml', 'of this mirror');
  await site.put('unlisted.rpm', unlisted.bytes);
  const report = await site.run();
  expect(report).toMatchObject({
    complete: true,
    files: { seen: 6, matched: 4, taken: 4, held: 0, unlisted: 2, unneeded: 0, unreadable: 0, failed: 0, left: 0 },
    bytes: { taken: 5700 + 3 * mebibyte },
    repositoriesFound: 1,
    repositories: [{ subscription: 'corp', path: 'site/base', importable: true, packages: { listed: 3, held: 3 } }],
  });
  for (const { bytes, listed } of [small, large, empty, record]) expect(await held(site, listed)).toBe(digestOf(bytes));
  // Proven once: no use of them reads them again to find that out.
  for (const { listed } of [small, large])
    expect((await stat(site.store.layout.blob('open', listed))).mtimeMs).toBe(proven);
  expect(await site.store.blobs.holds('open', unlisted.listed)).toBe(false);
  await accountsAreRight(site);
});

test('wrong bytes under a right name, and other bytes of the right size, are not taken', async () => {
  await using site = await importing();
  const [small, large] = [file(5000), file(3 * mebibyte)];
  await site.publish({ 'site/base': { packages: { 'small.rpm': small.listed, 'large.rpm': large.listed } } });
  await site.put('small.rpm', flipped(small.bytes, 4999));
  await site.put('large.rpm', flipped(large.bytes, 3 * mebibyte - 1));
  await site.put('repodata/small.rpm', file(5000).bytes);
  const report = await site.run();
  expect(report).toMatchObject({ complete: true, files: { seen: 3, matched: 0, taken: 0, unlisted: 3 } });
  expect(site.store.index.size).toBe(0);
  await accountsAreRight(site);
});

test.each<[string, number]>([
  ['small', 5000],
  ['large', 2 * mebibyte],
])('of two copies of a %s file both are read and one is stored; another run reads neither', async (_, size) => {
  const disk = new FaultyDisk();
  await using site = await importing({ disk, openTree: metTogether });
  const { bytes, listed } = file(size);
  await site.publish({
    'site/base': { packages: { 'a.rpm': listed } },
    'site/other': { packages: { 'b.rpm': listed } },
  });
  await site.put('a.rpm', bytes);
  await site.put('b.rpm', bytes);
  expect(await site.run()).toMatchObject({ files: { matched: 2, taken: 1, held: 1 }, bytes: { taken: size } });
  const renames = disk.calls.filter(({ call }) => call === 'rename');
  expect(renames.length).toBe(1);
  await accountsAreRight(site);
  expect(await site.run()).toMatchObject({
    complete: true,
    files: { seen: 2, matched: 0, taken: 0, unneeded: 2 },
    bytes: { read: 0 },
  });
});

test.each([false, true])('a copy that is met when the first is taken is not read (dry run: %s)', async (dryRun) => {
  await using site = await importing({ openTree: firstAlone });
  const { bytes, listed } = file(5000);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  for (const name of ['a', 'again', 'once more']) await site.put(name, bytes);
  expect(await site.run({ dryRun })).toMatchObject({
    complete: true,
    files: { seen: 3, matched: 1, taken: 1, held: 0, unneeded: 2 },
    bytes: { read: 5000, taken: 5000 },
  });
});

test('what a held file lost is made good: the disk says what is held, not the memory of it', async () => {
  await using site = await importing();
  const { bytes, listed } = file(5000);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  await site.put('a.rpm', bytes);
  await site.run();
  await truncate(site.store.layout.blob('open', listed), 100);
  expect(await site.run()).toMatchObject({ files: { taken: 1 } });
  expect(await held(site, listed)).toBe(digestOf(bytes));
  expect(site.store.space.used).toBe(5000);
});

test('what kept generations list is taken too', async () => {
  await using site = await importing();
  const [old, young] = [file(5000), file(6000)];
  await site.publish({ 'site/base': { packages: { 'a.rpm': old.listed } } }, { number: 1 });
  await site.publish({ 'site/base': { packages: { 'a.rpm': young.listed } } }, { number: 2 });
  await site.put('old', old.bytes);
  await site.put('young', young.bytes);
  expect(await site.run()).toMatchObject({
    files: { taken: 2 },
    repositories: [{ packages: { listed: 1, held: 1 } }],
  });
});

test.each<[Algorithm, number]>([
  ['sha512', 5000],
  ['sha512', 2 * mebibyte],
  ['sha224', 5000],
])(
  'a file that %s lists (%i bytes) is held under that name, and under its sha256 beside, once',
  async (algorithm, size) => {
    await using site = await importing();
    const { bytes, listed } = file(size, algorithm);
    const sha256 = { digest: digestOf(bytes), size };
    await site.publish({
      'site/base': { packages: { 'a.rpm': listed } },
      'site/other': { packages: { 'a.rpm': sha256 } },
    });
    await site.put('a.rpm', bytes);
    expect(await site.run()).toMatchObject({ files: { taken: 1 }, bytes: { taken: size } });
    for (const name of [listed, sha256]) expect(await held(site, name)).toBe(digestOf(bytes));
    await accountsAreRight(site);
  },
);

test.each<[Algorithm, number]>([
  ['sha1', 5000],
  ['md5', 2 * mebibyte],
])('a file that only %s lists is held for each repository that lists it, and for no other', async (algorithm, size) => {
  await using site = await importing();
  const { bytes, listed } = file(size, algorithm);
  await site.publish({ one: { packages: { 'a.rpm': listed } }, two: { packages: { 'a.rpm': listed } } });
  await site.put('a.rpm', bytes);
  expect(await site.run()).toMatchObject({ complete: true, files: { taken: 1 }, bytes: { taken: 2 * size } });
  for (const path of ['one', 'two'])
    expect(await held(site, listed, possessionScope('open', path, listed))).toBe(digestOf(bytes));
  expect(await held(site, listed, possessionScope('open', 'three', listed))).toBeNull();
  expect(await held(site, listed)).toBeNull();
  await accountsAreRight(site);
});

test('files prove possession of what is open, and of a subscription that the operator names', async () => {
  await using site = await importing();
  const { bytes, listed } = file(5000);
  const old = file(6000, 'sha1');
  const packages = { 'a.rpm': listed, 'old.rpm': old.listed };
  await site.publish({ guarded: { packages, fields: { scope: 'h-0123456789' } } }, { subscription: 'corp' });
  await site.put('a.rpm', bytes);
  await site.put('old.rpm', old.bytes);
  await expect(site.run()).rejects.toMatchObject({ code: 'nothing_listed' });
  await site.publish({ other: { packages, fields: { scope: 'h-9876543210' } } }, { subscription: 'other' });
  await site.publish({ free: { packages: { 'a.rpm': listed } } }, { subscription: 'vendor' });
  const repositories = (importable: boolean): object[] => [
    { path: 'guarded', importable, packages: { listed: 2, held: importable ? 2 : 0 } },
    { path: 'other', importable: false, packages: { listed: 2, held: 0 } },
    { path: 'free', importable: true, packages: { listed: 1, held: 1 } },
  ];
  expect(await site.run()).toMatchObject({ files: { taken: 1, unlisted: 1 }, repositories: repositories(false) });
  expect(await held(site, listed, 'h-0123456789')).toBeNull();
  expect(await site.run({ subscription: 'corp' })).toMatchObject({
    files: { taken: 2 },
    repositories: repositories(true),
  });
  expect(await held(site, listed, 'h-0123456789')).toBe(digestOf(bytes));
  expect(await held(site, old.listed, possessionScope('h-0123456789', 'guarded', old.listed))).toBe(
    digestOf(old.bytes),
  );
  expect(await held(site, listed, 'h-9876543210')).toBeNull();
  await accountsAreRight(site);
});

test('without a generation it says that nothing is listed, and what the folder holds', async () => {
  await using site = await importing();
  await site.put('one/repodata/repomd.xml', 'x');
  await site.put('two/repodata/repomd.xml', 'x');
  await expect(site.run()).rejects.toThrow(/nothing says which files are right.*waystation sync.*2 repositories/s);
  await site.publish({ free: {} });
  await expect(site.run({ subscription: 'corp' })).resolves.toMatchObject({ complete: true });
  await expect(site.run({ subscription: 'vendor' })).rejects.toMatchObject({ code: 'nothing_listed' });
});

test('the blobs of another PoP are taken from its state directory, of other scopes too when asked for', async () => {
  await using from = await importing();
  const files = [file(5000), file(2 * mebibyte), file(7000, 'sha512')] as const;
  const packages = Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed]));
  await from.publish({ base: { packages } });
  for (const [number, { bytes }] of files.entries()) await from.put(`${number}`, bytes);
  await from.run();
  await using to = await importing();
  await to.publish({ base: { packages } });
  const report = await to.run({ directory: from.store.layout.blobs });
  expect(report).toMatchObject({
    complete: true,
    // The one listed by sha512 has a second name.
    files: { seen: 4, matched: 4, taken: 3, held: 1 },
    repositories: [{ packages: { listed: 3, held: 3 } }],
  });
  for (const { bytes, listed } of files) expect(await held(to, listed)).toBe(digestOf(bytes));
  await accountsAreRight(to);
});

test('the own state directory is not imported, also when it lies in the folder', async () => {
  await using site = await importing();
  const { bytes, listed } = file(5000);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  const { root, layout } = site.store;
  await writeFile(join(layout.parts, 'found'), bytes);
  await expect(site.run({ directory: layout.parts })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(site.run({ directory: root })).rejects.toMatchObject({ code: 'bad_request' });
  expect(await site.run({ directory: join(root, '..') })).toMatchObject({ files: { seen: 0 } });
  expect(await site.store.blobs.holds('open', listed)).toBe(false);
});

test('symbolic links are not followed: loops end, what is inside is met once, what is outside is told', async () => {
  await using site = await importing();
  await using outside = await importing();
  const [inside, other] = [file(5000), file(6000)];
  await site.publish({ 'site/base': { packages: { 'a.rpm': inside.listed, 'b.rpm': other.listed } } });
  await outside.put('b.rpm', other.bytes);
  await site.put('pool/a.rpm', inside.bytes);
  await symlink('..', join(site.tree, 'pool/up'));
  await symlink('../pool/a.rpm', join(site.tree, 'pool/again.rpm'));
  await symlink('self', join(site.tree, 'self'));
  await symlink(outside.tree, join(site.tree, 'folder'));
  await symlink(join(outside.tree, 'b.rpm'), join(site.tree, 'b.rpm'));
  await command('mkfifo', [join(site.tree, 'pipe')]);
  expect(await site.run()).toMatchObject({
    complete: true,
    files: { seen: 1, taken: 1 },
    passedOver: { links: 3, others: 1 },
  });
  expect(await site.store.blobs.holds('open', other.listed)).toBe(false);
  // The folder itself may be named by a link.
  await symlink(outside.tree, join(site.store.root, '../link'));
  expect(await site.run({ directory: join(site.store.root, '../link') })).toMatchObject({ files: { taken: 1 } });
});

test.each([false, true])('names of any bytes are taken, those that are no UTF-8 too (as links: %s)', async (link) => {
  await using site = await importing();
  const names = [
    Buffer.from('new\nline \x1b[31m %2F "é" ☃'),
    Buffer.from([0x66, 0xff, 0xfe, 0x20]),
    Buffer.from('-rf'),
  ];
  const files = names.map((_, number) => file(5000 + number));
  await site.publish({
    'site/base': { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
  });
  const folder = Buffer.concat([Buffer.from(`${site.tree}/`), Buffer.from([0xc3, 0x28])]);
  await mkdir(folder);
  for (const [number, { bytes }] of files.entries())
    await writeFile(Buffer.concat([folder, Buffer.from('/'), names[number] ?? folder]), bytes);
  expect(await site.run({ link })).toMatchObject({
    complete: true,
    files: { seen: 3, taken: 3 },
    copied: link ? { files: 3, reason: 'its name is no UTF-8' } : { files: 0, reason: null },
  });
  await accountsAreRight(site);
});

test('a folder that is not there, is none, or cannot be listed is a clear error', async () => {
  await using site = await importing();
  await site.publish({ 'site/base': {} });
  const plain = await site.put('file', 'x');
  for (const directory of [join(site.tree, 'none'), plain])
    await expect(site.run({ directory })).rejects.toMatchObject({ code: 'import_unreadable' });
});

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

test('a dry run reads and compares everything and changes nothing', async () => {
  const disk = new FaultyDisk();
  await using site = await importing({ disk, openTree: metTogether });
  const [small, large] = [file(5000), file(2 * mebibyte)];
  await site.publish({ 'site/base': { packages: { 'a.rpm': small.listed, 'b.rpm': large.listed } } });
  for (const name of ['a', 'again']) await site.put(name, small.bytes);
  await site.put('b', large.bytes);
  await site.put('c', file(5000).bytes);
  expect(await site.run({ dryRun: true })).toMatchObject({
    dryRun: true,
    complete: true,
    files: { matched: 3, taken: 2, held: 1, unlisted: 1 },
    bytes: { taken: 5000 + 2 * mebibyte },
    repositories: [{ packages: { held: 0 } }],
  });
  expect(disk.calls).toEqual([]);
});

test('a file that a client fetches meanwhile is stored once, and counted once', async () => {
  const begun = Promise.withResolvers<void>();
  const disk = new FaultyDisk(({ call, path }) => {
    if (call === 'openPart' && path.includes('import-')) begun.resolve();
    return null;
  });
  await using site = await importing({ disk });
  const files = Array.from({ length: 20 }, (_, number) => file(number % 2 === 0 ? 5000 + number : mebibyte + number));
  await site.publish({
    'site/base': { packages: Object.fromEntries(files.map(({ listed }, number) => [`${number}.rpm`, listed])) },
  });
  for (const [number, { bytes }] of files.entries()) await site.put(`${number}`, bytes);
  // What is missing is known by now.
  const fills = begun.promise.then(() =>
    Promise.all(
      files.map(({ bytes, listed }) =>
        site.store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient),
      ),
    ),
  );
  const [report] = await Promise.all([site.run(), fills]);
  await idle(site.store);
  expect(report).toMatchObject({ complete: true, files: { matched: 20 } });
  for (const { bytes, listed } of files) expect(await held(site, listed)).toBe(digestOf(bytes));
  expect(site.store.index.size).toBe(20);
  await accountsAreRight(site);
});

test('a damaged package map is told, and the run is not complete', async () => {
  await using site = await importing();
  const { bytes, listed } = file(5000);
  await site.publish({
    'site/base': { packages: { 'a.rpm': listed } },
    'site/lost': { fields: { map: digestOf('lost') } },
  });
  await site.put('a.rpm', bytes);
  expect(await site.run()).toMatchObject({ complete: false, files: { taken: 1 } });
  expect(site.failures).toMatchObject([{ path: 'site/lost', error: { code: 'blob_damaged' } }]);
});

test('an import that is called off ends with the reason, and leaves nothing half done', async () => {
  const calledOff = new AbortController();
  const disk = new FaultyDisk(({ call, path }) => {
    if (call === 'write' && path.includes('import-')) calledOff.abort(new Error('called off'));
    return null;
  });
  await using site = await importing({ disk });
  const { bytes, listed } = file(3 * mebibyte);
  await site.publish({ 'site/base': { packages: { 'a.rpm': listed } } });
  await site.put('a.rpm', bytes);
  await expect(site.run({ signal: calledOff.signal })).rejects.toThrow('called off');
  await accountsAreRight(site);
});
