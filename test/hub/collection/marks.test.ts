import { expect, test } from 'vitest';
import type { Digest, Listed } from '../../../base/digest.ts';
import { digestOf } from '../../../base/digest.ts';
import { Marks } from '../../../hub/collection/marks.ts';
import type { SnapshotDocument } from '../../../protocol/snapshot.ts';

const at = (text: string): Listed => ({ digest: digestOf(text), size: 1 });
const numbered = (index: number): Digest => digestOf(`${index}`);

const snapshot = (map: Digest): SnapshotDocument => ({
  format: 1,
  name: 'one',
  created: '2026-11-30T12:00:00Z',
  policy: 'full',
  content: digestOf('content'),
  repositories: {
    base: {
      guard: null,
      repomd: at('repomd'),
      asc: null,
      key: null,
      treeinfo: null,
      records: { 'repodata/primary.xml.gz': at('primary') },
      map,
      packages: { count: 1, bytes: 1, unservable: 0 },
    },
  },
});
const origins = {
  format: 1 as const,
  snapshot: 'one',
  content: digestOf('content'),
  sources: [],
  repositories: { base: { scope: 'open', path: 'base', source: null } },
};

test('a million files are marked in some 20 bytes each, and a map that was seen is not read again', async () => {
  let reads = 0;
  async function* entries(): AsyncGenerator<{ readonly listed: Listed }> {
    reads += 1;
    for (let index = 1; index <= 1_000_000; index += 1) yield { listed: { digest: numbered(index), size: 1 } };
  }
  const marks = new Marks({ get: async () => ({ entries }) });
  const before = process.memoryUsage();
  for (let week = 0; week < 5; week += 1) await marks.add(snapshot(digestOf('map')), origins, async () => {});
  const after = process.memoryUsage();
  expect(reads).toBe(1);
  expect(marks.files).toBe(1_000_002);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 ** 2);
  for (const digest of [numbered(1), numbered(1_000_000), digestOf('repomd')])
    expect(marks.has({ digest, owner: '' })).toBe(true);
  expect(marks.has({ digest: digestOf('another'), owner: '' })).toBe(false);
  expect([marks.hasMap(digestOf('map')), marks.hasMap(digestOf('another'))]).toEqual([true, false]);
}, 120_000);

test('a file whose digest can be forged is marked for whom it is alone', async () => {
  const forgeable: Listed = { digest: digestOf('it', 'sha1'), size: 2 };
  const marks = new Marks({ get: async () => ({ entries: () => ReadableStream.from([{ listed: forgeable }]) }) });
  await marks.add(snapshot(digestOf('map')), origins, async () => {});
  expect(marks.has({ digest: forgeable.digest, owner: '' })).toBe(false);
  expect(marks.hasDigest(forgeable.digest)).toBe(true);
});

test('a lost map ends the marking', async () => {
  const marks = new Marks({ get: async () => null });
  await expect(marks.add(snapshot(digestOf('map')), origins, async () => {})).rejects.toThrow(/base in one is lost/);
});
