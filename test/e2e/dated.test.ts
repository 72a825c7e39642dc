import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

const versions = ['1.0', '2.0', '3.0'];
const fileOf = (version: string): string => `dated-tool-${version}-1.noarch.rpm`;

describeWith([...repositoryTools, ...dnfTools], 'addresses with a date, over three generations', () => {
  test('each is what was newest then, by date as by id, also rolled back and with the upstream gone', async () => {
    await using directory = await temporaryDirectory();
    const folder = join(directory.path, 'origin', 'r');
    const publish = (version: string): Promise<unknown> =>
      signedRepository(folder, { packages: [{ name: 'dated-tool', version }], signedMetadata: false });
    await publish(versions[0] ?? '');
    const origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    // Of two of one moment none is newer: each is asked for, and so fetched, before the next is published.
    for (const [index, version] of versions.entries()) {
      if (index > 0) {
        await setTimeout(5);
        await publish(version);
        expect((await pop.run('sync', '--wait')).code).toBe(0);
      }
      expect((await download(pop.content, `/content/r/${fileOf(version)}`)).status).toBe(200);
    }
    const kept = (await pop.generations()).toReversed();
    expect(kept).toHaveLength(3);
    expect((await pop.run('rollback', 'vendor')).code).toBe(0);
    await origin[Symbol.asyncDispose]();

    const repomd = async (at: string): Promise<{ body: string; control: string | undefined }> => {
      const { status, body, headers } = await download(pop.content, `/generations/${at}/r/repodata/repomd.xml`);
      expect([at, status]).toEqual([at, 200]);
      return { body: body.toString(), control: headers['cache-control'] };
    };
    for (const [index, { id, created }] of kept.entries()) {
      const version = versions[index] ?? '';
      const dated = await repomd(`@${created}`);
      const named = await repomd(id);
      expect(dated.body).toBe(named.body);
      expect([dated.control, named.control]).toEqual(['no-cache', expect.stringContaining('immutable')]);
      const dnf = await freshDnf(directory.path, [
        { id: 'r', baseurl: `${pop.content}/generations/@${created}/r/`, options: { gpgcheck: '0' } },
      ]);
      expect((await dnf.repoquery('--queryformat=%{version}\n')).stdout.trim()).toBe(version);
      expect((await dnf.download('dated-tool')).code).toBe(0);
      // What another generation lists is not in this one.
      const other = fileOf(versions[(index + 1) % 3] ?? '');
      expect((await download(pop.content, `/generations/@${created}/r/${other}`)).status).toBe(404);
    }
    const [oldest, , newest] = kept;
    expect((await repomd(`@${newest?.created.slice(0, 10)}`)).body).toBe((await repomd(newest?.id ?? '')).body);
    const before = await download(pop.content, '/generations/@2001-01-01/r/repodata/repomd.xml');
    expect([before.status, before.body.toString()]).toEqual([404, expect.stringContaining(oldest?.created ?? '-')]);
  }, 240_000);
});
