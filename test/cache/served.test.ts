import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Generations } from '../../cache/generations/generations.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Maps } from '../../cache/maps.ts';
import { Served } from '../../cache/generations/served.ts';
import type { Place } from '../../cache/generations/served.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation, listedText, repositoryDocument } from './generation-documents.ts';

interface Fixture extends AsyncDisposable {
  readonly served: Served;
  readonly layout: Layout;
  readonly maps: Maps;
  publish(document: GenerationDocument): Promise<void>;
  /** Goes back by one. */
  goBack(subscription: string): Promise<void>;
  /** The map of a primary that lists these hrefs, each with its own name as its bytes. */
  map(name: string, ...hrefs: string[]): Promise<Digest>;
  place(path: string): Place;
}

async function fixture(): Promise<Fixture> {
  const folder = await temporaryDirectory();
  const layout = new Layout(folder.path);
  for (const needed of [layout.maps, layout.parts]) await systemDisk.makeFolder(needed);
  const generations = await Generations.load(systemDisk, layout, silentLogger);
  const maps = new Maps(systemDisk, layout);
  const served = new Served(generations, maps);
  return {
    served,
    layout,
    maps,
    async publish(document) {
      await generations.publish(document);
      served.refresh();
    },
    async goBack(subscription) {
      await generations.rollback(subscription, null);
      served.refresh();
    },
    async map(name, ...hrefs) {
      const primary = digestOf(name);
      const same = { name: 'n', epoch: '0', version: '1', release: '1', arch: 'noarch' };
      await maps.make(primary, async (to) => {
        for (const href of hrefs) to.add({ href, listed: listedText(href), ...same });
      });
      return primary;
    },
    place(path) {
      const place = served.place(path);
      if (place === null) throw new Error(`${path} lies in no repository`);
      return place;
    },
    async [Symbol.asyncDispose]() {
      await maps.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('of nested repositories the longest path wins, whole components only', async () => {
  await using f = await fixture();
  const document = repositoryDocument();
  await f.publish(generation(1, { a: document, 'a/b': document, 'a/b/c/d': document }));
  const found = (path: string): unknown => {
    const place = f.served.place(path);
    return place === null ? null : [place.repository.path, place.file];
  };
  expect(found('a/b/c/d/e.rpm')).toEqual(['a/b/c/d', 'e.rpm']);
  expect(found('a/b/c/e.rpm')).toEqual(['a/b', 'c/e.rpm']);
  expect(found('a/bc/e.rpm')).toEqual(['a', 'bc/e.rpm']);
  expect(found('a/b')).toEqual(['a/b', '']);
  expect(found('ab/e.rpm')).toBeNull();
  expect(found('constructor/e.rpm')).toBeNull();
  expect(f.served.placeIn(generation(1, { a: document }), 'a/b/e.rpm')).toMatchObject({ file: 'b/e.rpm' });
  expect(f.served.placeIn(generation(1, { a: document }), 'constructor/e.rpm')).toBeNull();
});

test('packages and records of kept generations are found, repomd.xml and its signature only in the current one', async () => {
  await using f = await fixture();
  const old = repositoryDocument({
    repomd: listedText('old repomd'),
    asc: listedText('old asc'),
    key: listedText('old key'),
    records: { 'repodata/old-primary.xml.gz': listedText('old primary') },
    map: await f.map('old', 'Packages/old.rpm', 'Packages/both.rpm'),
  });
  const current = repositoryDocument({
    repomd: listedText('new repomd'),
    map: await f.map('new', 'Packages/both.rpm'),
  });
  await f.publish(generation(1, { base: old }));
  await f.publish(generation(2, { base: current }));
  const find = async (file: string, only = false): Promise<unknown> => {
    const found = await f.served.find(f.place(`base/${file}`), only);
    return found.kind === 'listed' ? [found.listed, found.repository.generation.id, found.pinned] : found.kind;
  };
  const [first, second] = [generation(1).id, generation(2).id];
  expect(await find('repodata/repomd.xml')).toEqual([listedText('new repomd'), second, 'repomd']);
  expect(await find('repodata/repomd.xml.asc')).toBe('absent');
  expect(await find('repodata/repomd.xml.key')).toBe('absent');
  expect(await find('Packages/old.rpm')).toEqual([listedText('Packages/old.rpm'), first, 'file']);
  expect(await find('Packages/both.rpm')).toEqual([listedText('Packages/both.rpm'), second, 'file']);
  expect(await find('repodata/old-primary.xml.gz')).toEqual([listedText('old primary'), first, 'file']);
  expect(await find('Packages/old.rpm', true)).toBe('absent');
});

test.each([
  ['Packages/none.rpm', 'absent'],
  ['none.rpm', 'absent'],
  ['repodata/none.xml', 'absent'],
  ['repodata/repomd.xml.asc', 'absent'],
  ['.treeinfo', 'unlisted'],
  ['images/boot.iso', 'unlisted'],
  ['Packages/none.rpm.asc', 'unlisted'],
  ['repodata', 'unlisted'],
  ['constructor', 'unlisted'],
])('%s that nothing lists is %s', async (file, kind) => {
  await using f = await fixture();
  await f.publish(generation(1, { base: repositoryDocument({ map: await f.map('p', 'Packages/a.rpm') }) }));
  expect((await f.served.find(f.place(`base/${file}`))).kind).toBe(kind);
});

test('a package in the folder of a variant is unlisted: the primary beside it is not about the variant', async () => {
  await using f = await fixture();
  const tree = { files: {}, variants: ['AppStream', 'add/on/', '../CRB'], unusable: 0 };
  await f.publish(generation(1, { os: repositoryDocument({ map: await f.map('p', 'Packages/a.rpm'), tree }) }));
  const kind = async (file: string): Promise<string> => (await f.served.find(f.place(`os/${file}`))).kind;
  for (const file of ['AppStream/Packages/b.rpm', 'AppStream/repodata/repomd.xml', 'add/on/b.rpm'])
    expect([file, await kind(file)]).toEqual([file, 'unlisted']);
  for (const file of ['AppStreamer/b.rpm', 'Packages/b.rpm', 'add/b.rpm', 'CRB/b.rpm', 'AppStream.rpm'])
    expect([file, await kind(file)]).toEqual([file, 'absent']);
});

test('generations of other subscriptions are not asked', async () => {
  await using f = await fixture();
  const document = repositoryDocument({ map: await f.map('p', 'a.rpm') });
  await f.publish(generation(1, { base: document, vendor: document }, 'corp'));
  await f.publish(generation(2, { base: document }, 'corp'));
  await f.publish(generation(3, { vendor: repositoryDocument() }, 'other'));
  expect((await f.served.find(f.place('vendor/a.rpm'))).kind).toBe('absent');
});

test('a path named like a member of every object is searched for in kept generations like the rest', async () => {
  await using f = await fixture();
  await f.publish(generation(1, {}));
  await f.publish(generation(2, { constructor: repositoryDocument() }));
  expect((await f.served.find(f.place('constructor/a.rpm'))).kind).toBe('absent');
});

test('a map that cannot be read proves no absence, and is believed again once it is remade', async () => {
  await using f = await fixture();
  const map = await f.map('p', 'a.rpm');
  await f.publish(generation(1, { base: repositoryDocument({ map }) }));
  await f.maps.close();
  await writeFile(f.layout.map(map), 'torn');
  for (const file of ['a.rpm', 'b.rpm']) {
    await expect(f.served.find(f.place(`base/${file}`))).rejects.toMatchObject({ code: 'blob_damaged' });
  }
  await f.map('p', 'a.rpm');
  expect((await f.served.find(f.place('base/a.rpm'))).kind).toBe('listed');
  expect((await f.served.find(f.place('base/b.rpm'))).kind).toBe('absent');
});

test('every change of what is served is another epoch', async () => {
  await using f = await fixture();
  const { epoch } = f.served;
  await f.publish(generation(1));
  expect(f.served.epoch).toBeGreaterThan(epoch);
  expect(f.served.repositories().map(({ path }) => path)).toEqual(['site/base']);
  expect(f.served.repository('site/base')?.generation.id).toBe(generation(1).id);
});

test('the files below a folder are the pinned ones and the packages in it, by name', async () => {
  await using f = await fixture();
  const map = await f.map('p', 'Packages/b.rpm', 'Packages/a.rpm', 'Packages2/c.rpm', 'Other/d.rpm');
  const records = { 'repodata/primary.xml.gz': listedText('primary') };
  await f.publish(generation(1, { base: repositoryDocument({ map, records, key: listedText('key') }) }));
  const repository = f.place('base').repository;
  const names = async (folder: string): Promise<string[]> => {
    const all: string[] = [];
    for await (const { href } of f.served.files(repository, folder)) all.push(href);
    return all;
  };
  expect(await names('Packages/')).toEqual(['Packages/a.rpm', 'Packages/b.rpm']);
  expect((await names('repodata/')).toSorted()).toEqual([
    'repodata/primary.xml.gz',
    'repodata/repomd.xml',
    'repodata/repomd.xml.key',
  ]);
  expect(await names('')).toHaveLength(7);
});

test('what is served after a rollback is the one before, and what only newer ones list is found behind it', async () => {
  await using f = await fixture();
  const [old, fresh] = [
    repositoryDocument({ repomd: listedText('old repomd'), map: await f.map('old', 'old.rpm') }),
    repositoryDocument({ repomd: listedText('new repomd'), map: await f.map('new', 'new.rpm') }),
  ];
  await f.publish(generation(1, { base: old }));
  await f.publish(generation(2, { base: fresh, later: fresh }));
  const { epoch } = f.served;
  await f.goBack('corp');
  expect(f.served.epoch).toBeGreaterThan(epoch);
  expect(f.served.repository('later')).toBeNull();
  expect(await f.served.find(f.place('base/repodata/repomd.xml'))).toMatchObject({ listed: listedText('old repomd') });
  for (const file of ['old.rpm', 'new.rpm'])
    expect(await f.served.find(f.place(`base/${file}`))).toMatchObject({ kind: 'listed', listed: listedText(file) });
});

test('what its hub guards by now is guarded in the generation rolled back to', async () => {
  await using f = await fixture();
  const guard = { kind: 'rbac', name: 'staff' };
  await f.publish(generation(1, { base: repositoryDocument(), other: repositoryDocument() }));
  await f.publish(generation(2, { base: repositoryDocument({ guard }), other: repositoryDocument() }));
  await f.goBack('corp');
  expect(f.place('base/a.rpm').repository.document.guard).toBeNull();
  expect([f.served.guard('base'), f.served.guard('other')]).toEqual([guard, null]);
});

test.each(['before', 'after'])('a path that went to another subscription, known %s it, stays there', async (order) => {
  await using f = await fixture();
  const other = (): Promise<void> => f.publish(generation(3, { path: repositoryDocument() }, 'other'));
  if (order === 'before') await other();
  await f.publish(generation(1, { base: repositoryDocument(), path: repositoryDocument() }));
  await f.publish(generation(2, { base: repositoryDocument() }));
  if (order === 'after') await other();
  await f.goBack('corp');
  expect(f.served.repository('path')?.generation.subscription).toBe('other');
  expect(f.served.repository('base')?.generation.id).toBe(generation(1).id);
});
