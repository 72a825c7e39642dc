import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import { importing } from './import-fixture.ts';
import { file, mebibyte } from './pieces.ts';
import { accountsAreRight, held } from './import-checks.ts';

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
