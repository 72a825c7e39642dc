import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { GenerationStatus } from '../../base/status.ts';
import type { GenerationDiff } from '../../sync/generation-diff.ts';
import { succeed } from '../support/command.ts';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import type { Dnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import type { PackageRecipe } from '../support/rpm-fixtures.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** Publishes packages and the advisories of these ids, as a repository's owner does. */
async function publish(
  directory: string,
  packages: readonly PackageRecipe[],
  advisories: readonly string[],
): Promise<void> {
  await signedRepository(directory, { packages, signedMetadata: false });
  const updates = advisories.map(
    (id) => `<update from="a@example.com" status="final" type="security" version="1"><id>${id}</id><title>t</title>
<references><reference href="https://example.com/${id}" id="not-${id}" type="self"/></references></update>`,
  );
  const file = join(directory, '..', 'updateinfo.xml');
  await writeFile(file, `<?xml version="1.0" encoding="UTF-8"?>\n<updates>${updates.join('')}</updates>\n`);
  await succeed('modifyrepo_c', ['--mdtype=updateinfo', file, join(directory, 'repodata')]);
}

const ids = (list: readonly GenerationStatus[]): readonly string[] => list.map(({ id }) => id);

async function kept(pop: Pop): Promise<readonly GenerationStatus[]> {
  const { code, stdout } = await pop.run('generations', '--json');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { generations: GenerationStatus[] }).generations;
}

describeWith([...repositoryTools, ...dnfTools, tool('modifyrepo_c')], 'going back, as dnf sees it', () => {
  test('a rollback and a release, over SIGKILL, a publication meanwhile, and without service or upstream', async () => {
    await using directory = await temporaryDirectory();
    const folder = join(directory.path, 'origin', 'r');
    const small = { name: 'rebuilt', bytes: 10 };
    await publish(folder, [{ name: 'tool' }, { name: 'gone' }, small], ['A-1', 'A-2']);
    const origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    await publish(
      folder,
      [
        { name: 'tool', version: '2.0' },
        { name: 'fresh', epoch: 3 },
        { ...small, bytes: 20 },
      ],
      ['A-2', 'A-3'],
    );
    expect((await pop.run('sync', '--wait')).code).toBe(0);

    // One dnf with one cache, as on a host: what it has of r counts for it.
    const dnf = await freshDnf(directory.path, [
      { id: 'r', baseurl: `${pop.content}/content/r/`, options: { metadata_expire: '0' } },
    ]);
    const seen = async (by: Dnf = dnf): Promise<readonly string[]> => {
      // Even with metadata_expire=0 it does not ask again within the second in which it asked.
      const { code, stdout, stderr } = await by.repoquery('--refresh', '--queryformat=%{name}-%{version}\n');
      expect([code, stderr]).toEqual([0, '']);
      return [...new Set(stdout.split('\n').filter((line) => line !== ''))].toSorted();
    };
    const [first, second, third] = [
      ['gone-1.0', 'rebuilt-1.0', 'tool-1.0'],
      ['fresh-1.0', 'rebuilt-1.0', 'tool-2.0'],
      ['tool-3.0'],
    ];
    expect(await seen()).toEqual(second);
    const [newer = '', older = ''] = ids(await kept(pop));

    const back = await pop.run('rollback', 'vendor');
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining(`rolled back to ${older}`)]);
    expect(await seen()).toEqual(first);
    expect((await dnf.download('gone')).code).toBe(0);
    expect((await pop.metrics()).get('generation_rolled_back{subscription="vendor"}')).toBe(1);

    await pop.kill();
    await pop.launch();
    expect(await seen()).toEqual(first);
    await publish(folder, [{ name: 'tool', version: '3.0' }], ['A-3']);
    expect((await pop.run('sync', '--wait')).code).toBe(0);
    expect(await seen()).toEqual(first);
    const [newest = '', ...others] = ids(await kept(pop));
    expect(others).toEqual([newer, older]);
    // Not yet served, and reachable by its id.
    const there = await freshDnf(directory.path, [{ id: 'r', baseurl: `${pop.content}/generations/${newest}/r/` }]);
    expect(await seen(there)).toEqual(third);
    const told = (await pop.status()).subscriptions[0];
    expect(told).toMatchObject({ generation: older, rolledBack: { newest }, repositories: [{ state: 'behind' }] });
    expect((await pop.run('status')).stdout).toContain(`rolled back to ${older}`);
    expect((await download(pop.content, '/')).body.toString()).toContain('Rolled back to');
    // A second run finds nothing that it has not published: no generation comes of it.
    expect((await pop.run('sync', '--wait')).code).toBe(0);
    expect(ids(await kept(pop))).toEqual([newest, newer, older]);

    expect((await pop.run('release', 'vendor')).code).toBe(0);
    expect(await seen()).toEqual(third);

    await origin[Symbol.asyncDispose]();
    expect((await pop.run('rollback', 'vendor', newer.slice(0, -1))).code).toBe(0);
    expect(await seen()).toEqual(second);
    await pop.stop();
    expect(await pop.run('rollback', 'vendor')).toMatchObject({ code: 0 });
    expect(await pop.run('rollback', 'vendor')).toMatchObject({
      code: 1,
      stderr: `waystation: no kept generation of vendor is older than ${older}\n`,
    });
    await pop.launch();
    expect(await seen()).toEqual(first);
    await pop.stop();
    expect((await pop.run('release', 'vendor')).code).toBe(0);
    expect((await kept(pop)).map(({ current }) => current)).toEqual([true, false, false]);
    await pop.launch();
    expect(await seen()).toEqual(third);

    for (const running of [true, false]) {
      if (!running) await pop.stop();
      const json = await pop.run('diff', older, newer, '--json');
      expect([json.code, json.stderr]).toEqual([0, '']);
      expect((JSON.parse(json.stdout) as GenerationDiff).repositories).toEqual([
        {
          path: 'r',
          state: 'changed',
          packages: {
            added: ['fresh-3:1.0-1.noarch'],
            removed: ['gone-1.0-1.noarch'],
            changed: [{ name: 'tool', arch: 'noarch', from: ['1.0-1'], to: ['2.0-1'] }],
            rebuilt: ['rebuilt-1.0-1.noarch'],
          },
          advisories: { gained: ['A-3'], lost: ['A-1'] },
          error: null,
        },
      ]);
      const text = await pop.run('diff', newer, newest);
      expect(text.stdout).toContain('~ tool.noarch 2.0-1 -> 3.0-1');
      expect(text.stdout).toContain('- advisory A-2');
      expect((await pop.run('diff', newest, newest)).stdout).toContain('nothing differs');
    }
  });
});

test('the commands say clearly what is not there, and work alike with and without the service', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'a.rpm': 'a' }, types: ['primary'] });
  await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
  await pop.published();
  const [only] = await kept(pop);
  const id = only?.id ?? '';
  for (const running of [true, false]) {
    if (!running) await pop.stop();
    expect((await pop.run('generations')).stdout).toMatch(new RegExp(`${id}\\s+vendor\\s.*current.*0/1`));
    expect(await pop.run('generations', 'nosuch')).toMatchObject({ code: 2, stdout: '' });
    for (const words of [
      ['pin', '2020'],
      ['rollback', 'vendor', '2020'],
      ['diff', id, 'xyz'],
      ['pin', '@2020-01-01'],
    ]) {
      const { code, stdout, stderr } = await pop.run(...words);
      expect([words, code, stdout, stderr]).toEqual([words, 2, '', expect.stringContaining(id)]);
    }
    expect(await pop.run('pin', '@yesterday')).toMatchObject({ code: 2 });
    expect((await pop.run('rollback', 'vendr')).stderr).toBe(
      'waystation: no subscription is called vendr; there is vendor\n',
    );
    expect(await pop.run('rollback', 'vendor')).toMatchObject({ code: 1 });
    expect((await pop.run('pin', '@9999-12-31')).stdout).toBe(
      `${id} of vendor is${running ? '' : ' already'} pinned\n`,
    );
    expect((await pop.run('pin', id.slice(0, 10))).stdout).toBe(`${id} of vendor is already pinned\n`);
    expect((await kept(pop))[0]).toMatchObject({ id, pinned: true, rolledBack: false, current: true });
    const release = await pop.run('release', 'vendor');
    expect([release.code, release.stdout]).toEqual([0, `vendor serves its newest generation already: ${id}\n`]);
  }
  expect((await pop.run('unpin', 'vendor@9999-12-31')).stdout).toBe(`${id} of vendor is not pinned\n`);
  await writeFile(join(pop.state, 'pins.json'), 'mine');
  expect(await pop.run('pin', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('is no list of pins') });
  await pop.launch();
  expect(await pop.run('pin', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('in the log') });
  expect(pop.output).toContain('is no list of pins');
});
