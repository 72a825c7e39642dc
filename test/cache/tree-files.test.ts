import { expect, test } from 'vitest';
import type { Algorithm } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { possessionScope } from '../../base/generation.ts';
import { HeldSizes } from '../../cache/blobs/held-sizes.ts';
import { References } from '../../cache/upkeep/references.ts';
import type { Reference } from '../../cache/upkeep/references.ts';
import { systemDisk } from '../../disk/disk.ts';
import {
  countedRight,
  isHeld,
  patient,
  published,
  storedPackage,
  storedRepository,
  upkeepPieces,
} from './upkeep-pieces.ts';
import type { StoredPackage, UpkeepPieces } from './upkeep-pieces.ts';

/** A repository that is part of a tree with these files. */
async function treeOf(store: UpkeepPieces, files: readonly StoredPackage[]): Promise<RepositoryDocument> {
  const document = await storedRepository(store, []);
  const treeinfo = await store.sink.keep('open', Buffer.from(files.map(({ href }) => href).join()));
  const digests = Object.fromEntries(files.map(({ href, listed }) => [href, listed.digest]));
  return { ...document, treeinfo, tree: { files: digests, variants: [], unusable: 0 } };
}

/** Whether a held file must not be evicted. */
function heldBack({ marks }: UpkeepPieces, { listed }: StoredPackage): boolean {
  return marks.isHeldBack(possessionScope('open', 'site/base', listed), listed.digest);
}

test.each<Algorithm>(['sha256', 'md5'])(
  'files of a tree (%s) stay as long as a kept generation has it, and go with the last',
  async (algorithm) => {
    await using store = await upkeepPieces();
    const [old, shared, stray] = await Promise.all(
      ['images/old.img', 'images/shared.img', 'images/stray.img'].map((href) =>
        storedPackage(store, href, { algorithm }),
      ),
    );
    await published(store, 1, await treeOf(store, [old!, shared!]));
    for (const number of [2, 3]) await published(store, number, await treeOf(store, [shared!]));
    store.claims.beginRun('corp').end({});
    await store.collector.run(patient);
    await store.collector.run(patient);
    expect([old!, shared!, stray!].map(({ listed }) => isHeld(store, listed))).toEqual([true, true, false]);
    await store.retirement.run(patient);
    await store.collector.run(patient);
    expect([old!, shared!].map(({ listed }) => isHeld(store, listed))).toEqual([false, true]);
    await countedRight(store);
  },
);

test.each([
  ['on demand', false, () => {}],
  ['held in full', true, (store: UpkeepPieces) => store.configured.full.add('site/base')],
])('files of a tree whose repository is %s are protected from eviction: %s', async (_policy, expected, configure) => {
  await using store = await upkeepPieces();
  const image = await storedPackage(store, 'images/install.img');
  const document = await treeOf(store, [image]);
  await published(store, 1, document);
  configure(store);
  store.claims.beginRun('corp').end({});
  await store.collector.run(patient);
  await store.collector.run(patient);
  expect(heldBack(store, image)).toBe(expected);
  expect(store.marks.isHeldBack('open', document.treeinfo!.digest)).toBe(true);
});

test('who lists a file of a tree is known while it is held, with its size', async () => {
  await using store = await upkeepPieces();
  const { layout, generations, maps, sink } = store;
  const image = await storedPackage(store, 'images/install.img', { size: 12_345 });
  const gone = { ...image, href: 'images/gone.img', listed: { ...image.listed, digest: `sha256:${'0'.repeat(64)}` } };
  await published(store, 1, await treeOf(store, [image, gone as StoredPackage]));
  const sizes = new HeldSizes(systemDisk, layout);
  const references = new References({ generations, maps, sizes, disk: systemDisk, layout, lost: () => {} });
  const found: Reference[] = [];
  const part = { subscription: 'corp', repository: 'site/base', below: 'images/', exact: false };
  for await (const reference of references.files(part, () => {})) found.push(reference);
  const blob = { scope: 'open', listed: { digest: image.listed.digest, size: 12_345 } };
  expect(found).toMatchObject([{ href: 'images/install.img', pinned: false, blob }]);
  expect(await sink.size('open', image.listed.digest)).toBe(12_345);
  expect(await sink.size('other-1', image.listed.digest)).toBeNull();
});
