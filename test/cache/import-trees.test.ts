import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { command } from '../support/command.ts';
import { importing } from './import-fixture.ts';
import { file, mebibyte } from './pieces.ts';
import { accountsAreRight, held } from './import-checks.ts';

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
