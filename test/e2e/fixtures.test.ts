import { writeFile, readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOrigin, type Origin } from '../../demo/origin.ts';
import { dnfTools, freshDnf, type DnfRepository } from '../support/dnf.ts';
import { repositoryTools, sha256sum, signedRepository, type RepositoryOptions } from '../support/rpm-repository.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

const packages = [
  { name: 'gtk+tools', version: '1.0~rc1' },
  { name: 'caret', version: '1.0^git1', requires: ['gtk+tools'] },
  { name: 'spaced', href: 'Packages/with space.noarch.rpm' },
  { name: 'epoch', epoch: 2 },
];

const kinds: Record<string, RepositoryOptions> = {
  'sha256 and gzip': { packages },
  'unhashed metadata names': { packages, simpleNames: true },
  'sha512 checksums': { packages, checksum: 'sha512' },
  'zstd metadata': { packages, compression: 'zstd' },
  'xz metadata': { packages, compression: 'xz' },
  'zchunk metadata': { packages, zchunk: true },
  'a listed file of 0 bytes': { packages, emptyFile: 'Packages/empty.noarch.rpm' },
  'a package of 30 MB': { packages: [{ name: 'large', bytes: 30 << 20 }] },
};

/** The fixtures prove themselves: what dnf makes of them straight from a plain origin, without anything of ours between. */
describeWith(
  [...repositoryTools, ...dnfTools, tool('xz')],
  'repositories for tests, straight from their origin',
  () => {
    let directory: TemporaryDirectory;
    let origin: Origin;
    beforeAll(async () => {
      directory = await temporaryDirectory();
      origin = await startOrigin(directory.path);
    });
    afterAll(async () => {
      await origin.close();
      await directory[Symbol.asyncDispose]();
    });

    const at = (name: string): string => join(directory.path, name);
    /** A section for the repository in folder `name`, checked in full. */
    const section = (name: string): DnfRepository => ({
      id: 'fixture',
      baseurl: `${origin.url}${name}`,
      gpgkey: `${origin.url}${name}/repodata/repomd.xml.key`,
    });

    test.each(Object.entries(kinds))('dnf reads and downloads %s', async (kind, options) => {
      const name = kind.replaceAll(' ', '-');
      const repository = await signedRepository(at(name), options);
      const dnf = await freshDnf(directory.path, [section(name)]);

      expect(await dnf.makecache()).toMatchObject({ code: 0 });
      const listed = await dnf.repoquery('--queryformat=%{name}');
      expect(listed.stdout.trim().split('\n')).toHaveLength(repository.packages.length);

      expect(await dnf.download(...listed.stdout.trim().split('\n'))).toMatchObject({ code: 0 });
      for (const href of repository.packages) {
        expect(await sha256sum(join(dnf.downloads, basename(href)))).toBe(await sha256sum(join(at(name), href)));
      }
    });

    test('dnf installs with both checks on, dependencies included', async () => {
      await signedRepository(at('install'), { packages });
      const dnf = await freshDnf(directory.path, [section('install')]);
      expect(await dnf.install('caret', 'spaced')).toMatchObject({ code: 0 });
      const installed = await readdir(join(dnf.installroot, 'usr/share/fixtures'));
      expect(installed.sort()).toEqual(['caret', 'gtk+tools', 'spaced']);
    });

    test('a repository can be published again with a newer version', async () => {
      const of = (version: string): RepositoryOptions => ({ packages: [{ name: 'moving', version }] });
      await signedRepository(at('again'), of('1.0'));
      const dnf = await freshDnf(directory.path, [section('again')]);
      expect((await dnf.repoquery('moving')).stdout).toContain('moving-0:1.0-1');
      await signedRepository(at('again'), of('2.0'));
      expect((await dnf.repoquery('--refresh', 'moving')).stdout).toContain('moving-0:2.0-1');
    });

    test('dnf refuses altered metadata: the signature of repomd.xml is really checked', async () => {
      const { directory: folder } = await signedRepository(at('altered'), { packages });
      const repomd = join(folder, 'repodata/repomd.xml');
      await writeFile(repomd, (await readFile(repomd, 'utf8')).replace('<revision>', '<revision>1'));
      const dnf = await freshDnf(directory.path, [section('altered')]);
      const { code, stdout, stderr } = await dnf.makecache();
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain('Bad GPG signature');
    });

    test('dnf refuses packages of another key: their signatures are really checked', async () => {
      await signedRepository(at('strangers'), { packages });
      const gpgkey = `file://${join(import.meta.dirname, '../../demo/repository/RPM-GPG-KEY-demo')}`;
      const dnf = await freshDnf(directory.path, [
        { ...section('strangers'), gpgkey, options: { repo_gpgcheck: '0' } },
      ]);
      const { code, stdout, stderr } = await dnf.install('caret');
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain('GPG check FAILED');
    });
  },
);
