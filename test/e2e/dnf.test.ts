import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin, flippedAt, Gate, hang, status } from '../support/faulty-origin.ts';
import { download, type Downloaded } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, sha256sum, signedRepository } from '../support/rpm-repository.ts';
import type { RepositoryOptions, SignedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** Package names differ between repositories, so that one dnf can have them all at once. */
const kinds: Record<string, RepositoryOptions> = {
  names: {
    packages: [
      { name: 'gtk+tools', version: '1.0~rc1' },
      { name: 'caret', version: '1.0^git1', requires: ['gtk+tools'] },
      { name: 'spaced', href: 'Packages/with space.noarch.rpm' },
      { name: 'epoch', epoch: 2 },
      { name: 'percent', href: 'Packages/100%25 #1?ü.noarch.rpm' },
      { name: 'never-fetched' },
    ],
  },
  unhashed: { packages: [{ name: 'unhashed' }], simpleNames: true },
  sha512: { packages: [{ name: 'longer-checksum' }], checksum: 'sha512' },
  zstd: { packages: [{ name: 'zstandard' }], compression: 'zstd' },
  xz: { packages: [{ name: 'lzma' }], compression: 'xz' },
  zchunk: { packages: [{ name: 'chunked' }], zchunk: true },
  empty: { packages: [{ name: 'beside-nothing' }], emptyFile: 'Packages/empty.noarch.rpm' },
  large: { packages: [{ name: 'large', bytes: 30 << 20 }] },
};
const everyPackage = Object.values(kinds)
  .flatMap(({ packages }) => packages.map(({ name }) => name))
  .concat('empty-file')
  .toSorted();
const fetched = everyPackage.filter((name) => name !== 'never-fetched');

describeWith([...repositoryTools, ...dnfTools, tool('xz')], 'dnf through the PoP', () => {
  let directory: TemporaryDirectory;
  let origin: FaultyOrigin;
  let pop: Pop;
  const repositories: SignedRepository[] = [];
  beforeAll(async () => {
    directory = await temporaryDirectory();
    for (const [kind, options] of Object.entries(kinds))
      repositories.push(await signedRepository(join(directory.path, 'origin', kind), options));
    origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
    pop = await Pop.start({
      repositories: Object.keys(kinds).map((kind) => ({
        path: `edge/${kind}`,
        url: `${origin.url}${kind}/`,
        // The PoP itself believes only what is signed with this key.
        ...(kind === 'names' && { gpgKey: 'key.asc', repoGpgCheck: true }),
      })),
      files: { 'key.asc': repositories[0]?.key ?? '' },
    });
    await pop.published();
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });
  const get = (path: string): Promise<Downloaded> => download(pop.content, path);

  /** A dnf that knows nothing yet but the PoP's own .repo text: lists, downloads and installs all there is. */
  const everythingWorks = async (): Promise<void> => {
    const text = (await get('/repo-files/vendor.repo')).body.toString();
    expect(text.match(/^gpgcheck=1$/gm)).toHaveLength(repositories.length);
    expect(text.match(/^repo_gpgcheck=1$/gm)).toHaveLength(repositories.length);
    const dnf = await freshDnf(directory.path, text);

    const listed = await dnf.repoquery('--queryformat=%{name}');
    expect(listed.stdout.trim().split('\n').toSorted()).toEqual(everyPackage);

    expect(await dnf.download(...fetched)).toMatchObject({ code: 0 });
    for (const { directory: folder, packages } of repositories) {
      for (const href of packages.filter((each) => !each.includes('never-fetched'))) {
        const here = await sha256sum(join(dnf.downloads, basename(href)));
        expect([href, here]).toEqual([href, await sha256sum(join(folder, href))]);
      }
    }
    expect(await dnf.install('caret', 'spaced', 'zstandard')).toMatchObject({ code: 0 });
    const installed = await readdir(join(dnf.installroot, 'usr/share/fixtures'));
    expect(installed.toSorted()).toEqual(['caret', 'gtk+tools', 'spaced', 'zstandard']);
  };

  test('a fresh dnf lists, downloads and installs with both checks on, whatever names and formats there are', async () => {
    await everythingWorks();
  });

  test('what dnf fetched is held, each package fetched from upstream once', async () => {
    for (const { directory: folder, packages } of repositories) {
      for (const href of packages.filter((each) => !each.includes('never-fetched') && !each.includes('empty'))) {
        const path = `/${basename(folder)}/${href}`;
        const once = origin.requests.filter((request) => request.path === path && request.method === 'GET');
        expect([path, once.length]).toEqual([path, 1]);
      }
    }
  });

  test('with `repoGpgCheck`, metadata that was altered or is not signed by the key is not published', async () => {
    const repomd = await readFile(join(directory.path, 'origin/names/repodata/repomd.xml'));
    const altered = origin.on('/names/repodata/repomd.xml', flippedAt(repomd.indexOf('<revision>') + 10));
    const unsigned = origin.on('/sha512/repodata/repomd.xml.asc', status(404));
    const entry = { gpgKey: 'key.asc', repoGpgCheck: true };
    await using careful = await Pop.start({
      repositories: ['names', 'sha512', 'zstd'].map((kind) => ({ path: kind, url: `${origin.url}${kind}/`, ...entry })),
      files: { 'key.asc': repositories[0]?.key ?? '' },
    });
    await careful.looked();
    altered.remove();
    unsigned.remove();
    expect((await careful.repository('names')).reason).toContain('signature_invalid');
    expect((await careful.repository('sha512')).reason).toContain('signature_missing');
    expect((await careful.repository('zstd')).state).toBe('current');
    expect(await download(careful.content, '/content/names/repodata/repomd.xml')).toMatchObject({ status: 503 });
  });

  describe.each([
    ['refuses connections', async () => await origin.stop()],
    [
      'accepts and hangs',
      async () => {
        await origin.resume();
        origin.on(/./, hang(new Gate()));
      },
    ],
  ])('when the upstream %s, after SIGKILL and a restart', (_, cut) => {
    beforeAll(async () => {
      await cut();
      await pop.kill();
      await pop.launch();
    });

    test('the PoP is ready at once', async () => {
      expect((await fetch(`${pop.admin}/healthz/ready`)).status).toBe(200);
    });

    test.each([
      '/content/edge/names/no-such-1.0-1.noarch.rpm',
      '/content/edge/names/repodata/no-such.xml.gz',
      '/content/elsewhere/a',
      '/content/edge/names/images/updates.img',
      '/content/edge/names/images/product.img',
    ])('%s is 404 soon', async (path) => {
      const answer = await get(path);
      expect(answer).toMatchObject({ status: 404, word: 'absent' });
      // A hanging upstream may be waited for a little, by the first who asks.
      expect(answer.took).toBeLessThan(4_000);
    });

    test('a listed package that was never fetched is 504 with Retry-After within 10 s', async () => {
      const answer = await get('/content/edge/names/never-fetched-1.0-1.noarch.rpm');
      expect(answer).toMatchObject({ status: 504, word: 'unavailable' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.took).toBeLessThan(10_000);
    });

    test('a fresh dnf still lists, downloads and installs everything that was ever fetched', async () => {
      await everythingWorks();
    });
  });
});
