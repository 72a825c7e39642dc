import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../base/digest.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import type { TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

describeWith(repositoryTools, 'a zchunk record whose header is not the one that repomd.xml lists', () => {
  let directory: TemporaryDirectory;
  let origin: FaultyOrigin;
  let pop: Pop;
  const publish = (name: string): Promise<unknown> =>
    signedRepository(directory.path, { packages: [{ name }], zchunk: true, signedMetadata: false });
  beforeEach(async () => {
    directory = await temporaryDirectory();
    await publish('edge-hello');
    origin = await FaultyOrigin.start({ directory: directory.path });
    pop = await Pop.start({ repositories: [{ path: 'r', url: origin.url }] });
    await pop.published();
    await pop.looked();
  });
  afterEach(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  test.each([
    ['checksum', /(?<=<header-checksum type="sha256">)[0-9a-f]+(?=<)/, (): string => hexOf(digestOf('another header'))],
    ['size', /(?<=<header-size>)\d+(?=<)/, (size: string): string => String(Number(size) + 1)],
  ] as const)('by its %s, fails the sync by name, and the repository stays as it was', async (_what, where, wrong) => {
    const repomd = join(directory.path, 'repodata/repomd.xml');
    const before = await readFile(repomd, 'utf8');
    await publish('edge-ten');
    const right = await readFile(repomd, 'utf8');
    const lie = right.replace(where, wrong);
    expect(lie).not.toBe(right);
    await writeFile(repomd, lie);
    const served = async (): Promise<string> =>
      (await download(pop.content, '/content/r/repodata/repomd.xml')).body.toString();

    const failed = await pop.run('sync', '--wait');
    expect([failed.code, failed.stdout + failed.stderr]).toEqual([1, expect.stringContaining('.zck')]);
    expect(await pop.repository('r')).toMatchObject({ state: 'behind', repomd: digestOf(before) });
    expect((await pop.runs())[0]).toMatchObject({
      state: 'failed',
      failures: [{ path: 'r', code: 'record_mismatch' }],
    });
    expect(await served()).toBe(before);

    await writeFile(repomd, right);
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    expect(await pop.repository('r')).toMatchObject({ state: 'current', reason: null });
    expect(await served()).toBe(right);
  });
});
