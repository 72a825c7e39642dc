import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Algorithm } from '../../base/digest.ts';
import type { PackageEntry, Unservable } from '../../base/package-entry.ts';
import { decompress } from '../../yum/decompress.ts';
import { readPrimary } from '../../yum/primary.ts';
import { parseRepomd, type Repomd } from '../../yum/repomd.ts';
import { verifyOpen } from '../../yum/verify-open.ts';
import { describeWith, tool } from '../support/tools.ts';

describeWith([tool('createrepo_c'), tool('rpmbuild')], 'a repository that createrepo_c made of real packages', () => {
  let folder: string;
  let files: string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'createrepo-'));
    buildPackage('plain', '1.0', '<Plain> & simple — größer');
    buildPackage('plus++', '2.0~rc1', "]] > it's");
    buildPackage('caret', '3.0^git1', '"quoted"');
    files = readdirSync(join(folder, 'repository'), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.rpm'))
      .toSorted();
    expect(files).toHaveLength(3);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  function buildPackage(name: string, version: string, description: string): void {
    const spec = join(folder, `${name}.spec`);
    writeFileSync(
      spec,
      `Name: ${name}\nVersion: ${version}\nRelease: 1\nEpoch: 2\nSummary: Test\nLicense: MIT\nBuildArch: noarch\n` +
        `Requires: (${name} >= 1 if other)\n%description\n${description}\n%files\n`,
    );
    const output = join(folder, 'repository', 'Packages with space');
    mkdirSync(output, { recursive: true });
    execFileSync('rpmbuild', ['-bb', '--define', `_topdir ${folder}/build`, '--define', `_rpmdir ${output}`, spec], {
      stdio: 'pipe',
    });
  }

  interface Read {
    readonly repomd: Repomd;
    readonly entries: PackageEntry[];
    readonly unservable: Unservable[];
    readonly fallbacks: string[];
  }

  async function create(...options: string[]): Promise<Read> {
    const root = join(folder, 'repository');
    rmSync(join(root, 'repodata'), { recursive: true, force: true });
    execFileSync('createrepo_c', ['--quiet', ...options, root], { stdio: 'pipe' });
    const repomd = parseRepomd(readFileSync(join(root, 'repodata/repomd.xml')));
    const primary = repomd.records.find(({ type }) => type === 'primary');
    if (primary === undefined) throw new Error('no primary');
    expect(statSync(join(root, primary.href)).size).toBe(primary.listed.size);
    const [entries, unservable, fallbacks]: [PackageEntry[], Unservable[], string[]] = [[], [], []];
    await readPrimary(
      () => verifyOpen(decompress(createReadStream(join(root, primary.href)), { maxBytes: 1e7 }), primary.open),
      async (fill) => {
        entries.length = 0;
        unservable.length = 0;
        await fill({ add: (entry) => entries.push(entry), unservable: (entry) => unservable.push(entry) });
      },
      { onFallback: (reason) => fallbacks.push(reason) },
    );
    return { repomd, entries, unservable, fallbacks };
  }

  function listed(algorithm: Algorithm): { href: string; digest: string; size: number }[] {
    return files.map((href) => {
      const bytes = readFileSync(join(folder, 'repository', href));
      return { href, digest: `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`, size: bytes.length };
    });
  }

  const found = (read: Read): { href: string; digest: string; size: number }[] =>
    read.entries
      .map(({ href, listed: { digest, size } }) => ({ href, digest, size }))
      .toSorted((a, b) => (a.href < b.href ? -1 : 1));

  test.each<[string, Algorithm, string[]]>([
    ['as it does by default', 'sha256', []],
    ['with sha512', 'sha512', ['--checksum=sha512']],
    ['with sha1, which it calls sha', 'sha1', ['--checksum=sha']],
    ['compressed with xz, in simple names', 'sha256', ['--general-compress-type=xz', '--simple-md-filenames']],
  ])('%s is read by the scanner, every package with its checksum', async (_name, algorithm, options) => {
    const read = await create(...options);
    expect(read.fallbacks).toEqual([]);
    expect(found(read)).toEqual(listed(algorithm));
    expect(read.entries.find(({ name }) => name === 'plus++')).toMatchObject({
      epoch: '2',
      version: '2.0~rc1',
      release: '1',
      arch: 'noarch',
    });
    expect(read.repomd.records.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['primary', 'filelists', 'other']),
    );
    expect(read.repomd.revision).toMatch(/^\d+$/);
  });

  test('with packages in another place names them all unservable', async () => {
    const read = await create('--baseurl=http://elsewhere.example/');
    expect(read.entries).toEqual([]);
    expect(
      read.unservable.map(({ href, reason }) => ({ href, reason })).toSorted((a, b) => (a.href < b.href ? -1 : 1)),
    ).toEqual(files.map((href) => ({ href, reason: 'absolute' })));
  });
});
