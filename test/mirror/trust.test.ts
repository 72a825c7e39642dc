import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { possessionScope } from '../../base/generation.ts';
import { digestOf, hexOf } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import { RepositoryReader } from '../../mirror/repository-reader.ts';
import type { ReadRequest } from '../../mirror/repository-reader.ts';
import { parseMetalink } from '../../yum/metalink.ts';
import { FaultyOrigin, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import type { RepositoryOptions } from '../support/rpm-repository.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';
import { upstream } from '../support/upstream.ts';
import type { RepositorySupplier } from '../../mirror/discovery.ts';

const signal = new AbortController().signal;

function reading(supplier: RepositorySupplier): {
  sink: MemorySink;
  read: (changes?: Partial<ReadRequest>) => ReturnType<RepositoryReader['read']>;
} {
  const sink = new MemorySink();
  const reader = new RepositoryReader({ sink, clock: new StandingClock(Date.now()), log: silentLogger });
  const repository = { path: 'r', content: 'rpm' as const, name: null, guard: null, scope: 'open', supplier };
  const progress = { expected: () => {}, done: () => {} };
  const request = { repository, trust: null, previous: null, thorough: false, progress };
  return { sink, read: (changes) => reader.read({ ...request, ...changes }, signal) };
}

async function startOrigin(directory?: string): Promise<FaultyOrigin> {
  const origin = await FaultyOrigin.start(directory === undefined ? {} : { directory });
  onTestFinished(() => origin.stop());
  return origin;
}

describeWith(repositoryTools, 'a repository that createrepo_c and gpg made', () => {
  const packages = [{ name: 'gcc-c++', version: '1.0~rc1', release: '5^git1' }, { name: 'plain' }];

  async function published(options: Partial<RepositoryOptions> = {}) {
    const directory = await temporaryDirectory();
    onTestFinished(() => directory[Symbol.asyncDispose]());
    const made = await signedRepository(directory.path, { packages, ...options });
    const origin = await startOrigin(directory.path);
    return { ...made, origin, ...reading(upstream([origin.url])), trust: { keys: [Buffer.from(made.key)] } };
  }

  test.each([
    ['gz and sha256', {}],
    ['xz', { compression: 'xz' }],
    ['zstd', { compression: 'zstd' }],
    ['sha512', { checksum: 'sha512' }],
    ['sha1', { checksum: 'sha1' }],
    ['unhashed names', { simpleNames: true }],
    ['zchunk records', { zchunk: true }],
    ['a listed file of 0 bytes', { emptyFile: 'empty.rpm' }],
  ] satisfies [string, Partial<RepositoryOptions>][])(
    'is read and its signature accepted: %s',
    async (_what, options) => {
      const { read, trust, directory, sink, packages: hrefs } = await published(options);
      const { document } = await read({ trust });
      expect(document.repomd.digest).toBe(digestOf(await readFile(`${directory}/repodata/repomd.xml`)));
      expect(document.asc?.digest).toBe(digestOf(await readFile(`${directory}/repodata/repomd.xml.asc`)));
      for (const [href, listed] of Object.entries(document.records)) {
        const bytes = await readFile(`${directory}/${href}`);
        expect(await sink.sha256(possessionScope('open', 'r', listed), listed)).toBe(digestOf(bytes));
      }
      const entries = document.map === null ? undefined : sink.wholeMap(document.map)?.entries;
      expect([...(entries?.keys() ?? [])].toSorted()).toEqual(hrefs.toSorted());
    },
  );

  test('without a signature is refused when one is asked for', async () => {
    const { read, trust, sink } = await published({ signedMetadata: false });
    await expect(read({ trust })).rejects.toMatchObject({ code: 'signature_missing' });
    expect(sink.count('open')).toBe(0);
  });

  test('whose signature is of another repomd.xml is refused after it was read once more', async () => {
    const { read, trust, origin, directory } = await published();
    const repomd = await readFile(`${directory}/repodata/repomd.xml`);
    origin.put('repodata/repomd.xml', Buffer.concat([repomd, Buffer.from('\n')]));
    await expect(read({ trust })).rejects.toMatchObject({
      code: 'signature_invalid',
      message: expect.stringContaining('repomd.xml.asc'),
    });
    expect(origin.count('/repodata/repomd.xml')).toBe(2);
  });

  test('whose signature follows its repomd.xml by a moment is read at once', async () => {
    const { read, trust, origin } = await published();
    const absent = origin.times(1, '/repodata/repomd.xml.asc', status(404));
    const { document } = await read({ trust });
    expect(absent.hits).toBe(1);
    expect(document.asc).not.toBeNull();
  });

  test('is refused with a key that is none, as a matter of configuration', async () => {
    const { read } = await published();
    await expect(read({ trust: { keys: [Buffer.from('no key')] } })).rejects.toMatchObject({ code: 'key_unusable' });
  });
});

function metalink(urls: readonly string[], repomds: readonly Buffer[]): Buffer {
  const hashes = (bytes: Buffer): string =>
    `<verification><hash type="sha256">${hexOf(digestOf(bytes))}</hash></verification>`;
  const [first = Buffer.alloc(0), ...older] = repomds;
  const alternates = older.map(
    (bytes) => `<mm0:alternate><mm0:size>${bytes.length}</mm0:size>${hashes(bytes)}</mm0:alternate>`,
  );
  const resources = urls.map(
    (url) => `<url protocol="http" type="http" preference="100">${url}repodata/repomd.xml</url>`,
  );
  return Buffer.from(`<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
<files><file name="repomd.xml"><size>${first.length}</size>${hashes(first)}
<mm0:alternates>${alternates.join('')}</mm0:alternates><resources>${resources.join('')}</resources></file></files></metalink>`);
}

function parse(bytes: Buffer) {
  const { urls, hashes } = parseMetalink(bytes);
  return { urls, repomdHashes: hashes };
}

test('with a metalink, a mirror that shows another repomd.xml is passed over', async () => {
  const [stale, good, list] = [await startOrigin(), await startOrigin(), await startOrigin()];
  putRepository(stale, 'r', { packages: { 'a-1.rpm': 'old' } });
  const made = putRepository(good, 'r', { packages: { 'a-2.rpm': 'new' } });
  const mirrors = [`${stale.url}r/`, `${good.url}r/`];
  list.put('metalink', metalink(mirrors, [made.repomd]));
  const { read } = reading(upstream(mirrors, { mirrorLists: [{ url: `${list.url}metalink`, parse }] }));
  const { document } = await read();
  expect(document.repomd.digest).toBe(digestOf(made.repomd));
  expect(stale.count('/r/repodata/repomd.xml')).toBe(1);
});

test('with a metalink, an older repomd.xml that it still names is accepted', async () => {
  const [origin, list] = [await startOrigin(), await startOrigin()];
  const old = putRepository(origin, 'r', { packages: { 'a-1.rpm': 'old' } });
  list.put('metalink', metalink([`${origin.url}r/`], [Buffer.from('the newest'), old.repomd]));
  const { read } = reading(upstream([], { mirrorLists: [{ url: `${list.url}metalink`, parse }] }));
  expect((await read()).document.repomd.digest).toBe(digestOf(old.repomd));
});

test('with a metalink, a repomd.xml that it does not name is refused', async () => {
  const [origin, list] = [await startOrigin(), await startOrigin()];
  putRepository(origin, 'r', { packages: { 'a-1.rpm': 'old' } });
  list.put('metalink', metalink([`${origin.url}r/`], [Buffer.from('the newest')]));
  const { read, sink } = reading(upstream([], { mirrorLists: [{ url: `${list.url}metalink`, parse }] }));
  await expect(read()).rejects.toMatchObject({ code: 'upstream_lied' });
  expect(sink.count('open')).toBe(0);
  // A source that is alone gets a second chance, in both looks at the repository.
  expect(origin.count('/r/repodata/repomd.xml')).toBe(4);
});
