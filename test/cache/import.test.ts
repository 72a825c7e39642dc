import { stat, truncate } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { proven } from '../../disk/file-facts.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { importing } from './import-fixture.ts';
import { firstAlone, metTogether } from './import-order.ts';
import { file, flipped, idle, mebibyte } from './pieces.ts';
import { accountsAreRight, held } from './import-checks.ts';

const patient = new AbortController().signal;

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
