import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunStatus } from '../../base/status.ts';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import type { RepositoryOptions } from '../support/rpm-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

function imported(stdout: string): RunStatus & Required<Pick<RunStatus, 'import'>> {
  return JSON.parse(stdout) as RunStatus & Required<Pick<RunStatus, 'import'>>;
}

const kinds: Record<string, RepositoryOptions> = {
  plain: { packages: [{ name: 'base' }, { name: 'tool', requires: ['base'] }, { name: 'large', bytes: 5 << 20 }] },
  sha512: { packages: [{ name: 'longer-checksum' }, { name: 'longer-still' }], checksum: 'sha512' },
  sha1: { packages: [{ name: 'older-checksum' }, { name: 'older-still' }], checksum: 'sha1' },
};
const names = Object.values(kinds).flatMap(({ packages }) => packages.map(({ name }) => name));

describeWith([...repositoryTools, ...dnfTools], 'a site that moves over', () => {
  test('imports its mirror while it serves and while it does not, and dnf installs all of it without an upstream', async () => {
    await using folder = await temporaryDirectory();
    const trees = [join(folder.path, 'mirror'), join(folder.path, 'disk')] as const;
    let number = 0;
    for (const [kind, options] of Object.entries(kinds)) {
      const { directory, packages } = await signedRepository(join(folder.path, 'origin', kind), options);
      // As reposync lays them: flat, without metadata; one half on a disk that comes later.
      for (const href of packages) {
        const place = join(trees[number % 2 === 0 ? 0 : 1], kind);
        await mkdir(place, { recursive: true });
        await copyFile(join(directory, href), join(place, basename(href)));
        number += 1;
      }
    }
    await using origin = await FaultyOrigin.start({ directory: join(folder.path, 'origin') });
    await using pop = await Pop.start({
      repositories: Object.keys(kinds).map((kind) => ({ path: kind, url: `${origin.url}${kind}/` })),
    });
    await pop.published();
    await origin.stop();

    const first = await pop.run('import', trees[0], '--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(imported(first.stdout)).toMatchObject({
      kind: 'import',
      state: 'done',
      import: { complete: true, files: { seen: 4, matched: 4, taken: 4 } },
    });
    expect((await pop.runs())[0]).toMatchObject({ kind: 'import', subscription: null, state: 'done' });
    const held = async (): Promise<number[]> =>
      Promise.all(Object.keys(kinds).map(async (kind) => (await pop.repository(kind)).packages.held));
    expect((await held()).reduce((sum, count) => sum + count)).toBe(4);

    await pop.stop();
    const second = await pop.run('import', trees[1]);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toMatch(/^3 taken/m);
    expect(second.stdout).toMatch(/^vendor: plain: 3 of 3 packages held/m);
    await pop.launch();
    await pop.until(({ cache }) => cache.blobs > 0);
    for (const [kind, { packages }] of Object.entries(kinds))
      await pop.until(({ subscriptions }) =>
        subscriptions.some(({ repositories }) =>
          repositories.some(({ path, packages: { held: count } }) => path === kind && count === packages.length),
        ),
      );

    const text = (await download(pop.content, '/repo-files/vendor.repo')).body.toString();
    const dnf = await freshDnf(folder.path, text);
    expect(await dnf.install(...names)).toMatchObject({ code: 0 });
    expect((await readdir(join(dnf.installroot, 'usr/share/fixtures'))).toSorted()).toEqual(names.toSorted());
    expect(pop.access.filter(({ path }) => path.endsWith('.rpm')).every(({ outcome }) => outcome === 'hit')).toBe(true);
  });
});

test('what an identity was given is not served from an import, unless the operator says whose files they are', async () => {
  await using folder = await temporaryDirectory();
  await using origin = await FaultyOrigin.start();
  const recipe = { packages: { 'a.rpm': 'guarded '.repeat(100) } };
  putRepository(origin, 'r', recipe);
  await mkdir(join(folder.path, 'mirror'));
  for (const [name, text] of Object.entries(recipe.packages)) await writeFile(join(folder.path, 'mirror', name), text);
  await using pop = await Pop.start({
    repositories: [{ path: 'r', url: `${origin.url}r/`, username: 'site', passwordFile: 'password', access: 'open' }],
    files: { password: 'secret\n' },
  });
  await pop.published();
  await origin.stop();
  const open = await pop.run('import', join(folder.path, 'mirror'));
  expect(open).toMatchObject({ code: 1 });
  expect(open.stderr).toContain('nothing_listed');
  expect(await download(pop.content, '/content/r/a.rpm')).toMatchObject({ status: 504 });
  expect(await pop.run('import', join(folder.path, 'mirror'), '--subscription', 'vendor')).toMatchObject({ code: 0 });
  expect(await download(pop.content, '/content/r/a.rpm')).toMatchObject({ status: 200, word: 'hit' });
});

test('an import that cannot be says why: no such subscription, no such folder, nothing listed yet', async () => {
  await using folder = await temporaryDirectory();
  await mkdir(join(folder.path, 'one/repodata'), { recursive: true });
  await copyFile(import.meta.filename, join(folder.path, 'one/repodata/repomd.xml'));
  await using origin = await FaultyOrigin.start();
  await origin.stop();
  await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
  const said = async (...words: string[]): Promise<[number | null, string]> => {
    const { code, stderr } = await pop.run('import', ...words);
    return [code, stderr];
  };
  for (const running of [true, false]) {
    if (!running) await pop.stop();
    expect(await said(folder.path, '--subscription', 'corp')).toEqual([2, expect.stringContaining('vendor')]);
    expect(await said(join(folder.path, 'none'))).toEqual([1, expect.stringMatching(/none cannot be read: ENOENT/)]);
    expect(await said(folder.path)).toEqual([1, expect.stringMatching(/nothing_listed.*sync --wait.*1 repositories/)]);
  }
  expect((await pop.run('import')).code).toBe(2);
});
