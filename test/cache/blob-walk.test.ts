import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { placeOf, walkBlobs } from '../../cache/upkeep/blob-walk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { file } from './pieces.ts';

/** Blobs of several scopes and algorithms, and what has no business among them. */
async function fixture() {
  const folder = await temporaryDirectory();
  const layout = new Layout(folder.path);
  for (const scope of ['open', 'open-only-0123456789ab', 'pulp-0123456789abcdef']) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (let n = 0; n < 20; n += 1) {
        const path = layout.blob(scope, file(n, algorithm).listed);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, '');
      }
    }
  }
  const { listed } = file(1);
  await mkdir(layout.blobFolder('open', listed.digest), { recursive: true });
  await writeFile(`${layout.blobFolder('open', listed.digest)}/README`, '');
  await writeFile(`${layout.blob('open', listed)}.new`, '');
  const places = async (after: string | null): Promise<string[]> => {
    const found: string[] = [];
    for await (const blob of walkBlobs({ disk: systemDisk, layout, log: silentLogger }, after))
      found.push(placeOf(blob));
    return found;
  };
  return { places, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('a walk that is broken off anywhere goes on with the next, and meets each blob once', async () => {
  await using f = await fixture();
  const all = await f.places(null);
  expect(all).toHaveLength(120);
  expect(new Set(all).size).toBe(120);
  for (const [index, place] of all.entries()) expect(await f.places(place)).toEqual(all.slice(index + 1));
});

test('a walk begins behind a blob that is gone, and behind a scope that is gone', async () => {
  await using f = await fixture();
  const all = await f.places(null);
  const [scope, algorithm] = (all[5] ?? '').split('/');
  expect(await f.places(`${scope}/${algorithm}/00`)).toEqual(all);
  expect(await f.places('open-a/sha256/ff')).toEqual(all.filter((blob) => !blob.startsWith('open/')));
  expect(await f.places('zzz/sha256/00')).toEqual([]);
});
