import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { flag } from '../../cache/blobs/entry-flags.ts';
import { Marks } from '../../cache/blobs/marks.ts';

const listed = (name: number, algorithm: Algorithm = 'sha256', size = name * 1000): Listed => ({
  digest: digestOf(String(name), algorithm),
  size,
});

/** Digests that share the 32 bits that they are found by, so that every one of them meets every other in the table. */
const crowded = (name: number): Listed => ({
  digest: `sha256:${digestOf(String(name)).slice(7, 15)}00000000${digestOf(String(name)).slice(23)}` as Digest,
  size: name,
});

describe('the index of blobs', () => {
  test('is looked through for garbage in turns, also where there is none', () => {
    const index = new BlobIndex();
    const marks = new Marks(index);
    // What is added counts as marked.
    for (let name = 1; name <= 25_000; name += 1) index.add('open', listed(name));
    expect([...marks.unmarked()]).toEqual([null, null]);
    marks.begin();
    const found = [...marks.unmarked()];
    expect(found.filter((blob) => blob === null)).toHaveLength(2);
    expect(found.filter((blob) => blob !== null)).toHaveLength(25_000);
  });

  test('keeps digests of every algorithm apart, and scopes', () => {
    const index = new BlobIndex();
    for (const algorithm of ['sha256', 'sha512', 'sha384', 'sha224', 'sha1', 'md5'] as const) {
      const blob = listed(7, algorithm);
      expect([index.add('open', blob), index.add('open', blob), index.add('corp', blob)]).toEqual([true, false, true]);
      expect(index.scopesOf(blob.digest)).toEqual(['open', 'corp']);
      expect(index.sizeOf(blob.digest)).toBe(blob.size);
    }
    expect(index.size).toBe(12);
    const kept = [...index.blobs()].map(({ digest }) => digest);
    expect(kept).toContain(digestOf('7', 'md5'));
    expect(kept).toContain(digestOf('7', 'sha512').slice(0, 'sha512:'.length + 64));
  });

  test('keeps sizes that do not fit into 32 bits', () => {
    const index = new BlobIndex();
    const size = 5 * 2 ** 32 + 12_345;
    index.add('open', listed(1, 'sha256', size));
    expect([[...index.blobs()][0]?.size, index.bytes('probation').all]).toEqual([size, size]);
  });

  test('takes digests with the same beginning, as a count from names meets them, without going slower and slower', () => {
    const index = new BlobIndex();
    const blobs = Array.from({ length: 20_000 }, (_, name): Listed => {
      const { digest, size } = listed(name);
      return { digest: `sha256:00000000${digest.slice(15)}`, size };
    });
    const began = process.cpuUsage();
    for (const blob of blobs) index.add('open', blob);
    const { user } = process.cpuUsage(began);
    expect(index.size).toBe(20_000);
    // Microseconds: some 1 each; probing through all that came before would take 50 or more.
    expect(user / blobs.length).toBeLessThan(20);
  });

  test('closes up when most were removed, and finds, counts and orders what is left', () => {
    const index = new BlobIndex();
    for (let name = 0; name < 60_000; name += 1) index.add('open', listed(name, 'sha256', 1));
    for (let name = 0; name < 60_000; name += 1) if (name % 10 !== 0) index.delete('open', listed(name).digest);
    // Whoever is under way meanwhile misses nothing.
    const walked: Digest[] = [];
    for (const { digest } of index.blobs()) {
      walked.push(digest);
      if (walked.length !== 3_000) continue;
      for (let name = 60_000; name < 62_000; name += 1) index.add('open', listed(name, 'sha256', 1));
    }
    expect(walked.length).toBe(8_000);
    const left = Array.from({ length: 6_000 }, (_, tenth) => tenth * 10);
    for (let name = 62_000; name < 64_000; name += 1) {
      index.add('open', listed(name, 'sha256', 1));
      if (name % 4 === 0) index.delete('open', listed(left.shift()!).digest);
    }
    left.push(...Array.from({ length: 4_000 }, (_, after) => 60_000 + after));
    expect([...index.blobs()].map(({ digest }) => digest)).toEqual(left.map((name) => listed(name).digest));
    expect(left.every((name) => index.has('open', listed(name).digest))).toBe(true);
    expect([index.size, index.bytes('probation').all, index.bytes('probation').free]).toEqual([9_500, 9_500, 9_500]);
  });

  test('does what a map does, whatever is added, moved and removed in whatever order', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('add', 'add', 'add', 'delete', 'touch', 'requeue', 'drop'),
        name: fc.integer({ min: 1, max: 60 }),
        crowd: fc.boolean(),
      }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const index = new BlobIndex();
        const model = new Map<Digest, number>();
        for (const { what, name, crowd } of all) {
          const blob = crowd ? crowded(name) : listed(name);
          // Asked for right before and behind: what was found is not looked for again while nothing has changed.
          const isAsModel = (): void => {
            expect(index.sizeOf(blob.digest)).toBe(model.get(blob.digest) ?? null);
            expect(index.has('corp', blob.digest)).toBe(false);
            expect(index.has('open', blob.digest)).toBe(model.has(blob.digest));
          };
          isAsModel();
          if (what === 'add') {
            expect(index.add('open', blob)).toBe(!model.has(blob.digest));
            model.set(blob.digest, blob.size);
          } else if (what === 'delete') expect(index.delete('open', blob.digest)).toBe(model.delete(blob.digest));
          else if (what === 'touch') index.touch('open', blob.digest);
          else if (what === 'requeue' && index.oldest('probation') !== null)
            index.requeue('probation', (flags) => flags);
          else {
            const oldest = index.oldest('main');
            if (oldest === null) continue;
            index.delete('open', oldest.digest);
            model.delete(oldest.digest);
          }
          isAsModel();
        }
        for (let name = 1; name <= 60; name += 1)
          for (const { digest } of [listed(name), crowded(name)])
            expect(index.has('open', digest)).toBe(model.has(digest));
        expect(index.size).toBe(model.size);
        const bytes = [...model.values()].reduce((sum, size) => sum + size, 0);
        expect(index.bytes('probation').all + index.bytes('main').all).toBe(bytes);
        expect(new Map([...index.blobs()].map(({ digest, size }) => [digest, size]))).toEqual(model);
      }),
      { numRuns: 300 },
    );
  });

  test('finds a blob where it has gone to since it was found', () => {
    const index = new BlobIndex();
    index.add('open', listed(1));
    expect(index.has('open', listed(1).digest)).toBe(true);
    index.requeue('probation', (flags) => flags);
    index.flag('open', listed(1).digest, flag.kept);
    expect([...index.blobs((flags) => (flags & flag.kept) !== 0)]).toHaveLength(1);
  });

  test('gives places of removed blobs back: a million that came and went leave nothing', () => {
    const index = new BlobIndex();
    const stays = listed(0, 'sha256', 1);
    index.add('open', stays);
    for (let name = 1; name <= 100_000; name += 1) {
      const blob: Listed = { digest: `md5:${name.toString(16).padStart(32, '0')}`, size: 1 };
      index.add('open', blob);
      index.delete('open', blob.digest);
    }
    expect([index.size, index.has('open', stays.digest), [...index.blobs()].length]).toEqual([1, true, 1]);
  });

  test('knows from when the oldest is', () => {
    let now = 1_000;
    const index = new BlobIndex(() => now);
    index.add('open', listed(1));
    now = 2_000;
    index.requeue('probation', (flags) => flags);
    expect(index.oldest('main')?.time).toBe(2_000);
    expect(index.oldest('probation')).toBeNull();
  });

  test('serves on when there are more scopes than it has numbers for', () => {
    const index = new BlobIndex();
    for (let scope = 0; scope < 4_100; scope += 1) index.add(`scope-${scope}`, listed(1));
    expect(index.size).toBe(4_096);
    expect(index.has('scope-4099', listed(1).digest)).toBe(false);
  });
});

describe('marks', () => {
  test('tell what nothing refers to, and leave what came during the pass', () => {
    const index = new BlobIndex();
    const marks = new Marks(index);
    for (const name of [1, 2, 3]) index.add('open', listed(name));
    marks.begin();
    marks.mark('open', listed(1).digest, false);
    index.add('open', listed(4));
    marks.keepForRun('open', listed(2).digest);
    marks.end();
    expect([...marks.unmarked()].map((blob) => blob?.size)).toEqual([3_000]);
    marks.releaseRuns();
    expect([...marks.unmarked()].map((blob) => blob?.size)).toEqual([3_000]);
  });

  test('let go of what a sync counted on before the runs were divided, and of nothing that it counted on since', () => {
    const index = new BlobIndex();
    const marks = new Marks(index);
    for (const name of [1, 2, 3]) index.add('open', listed(name));
    for (const name of [1, 2]) marks.keepForRun('open', listed(name).digest);
    marks.divideRuns();
    expect([marks.keepForRun('open', listed(2).digest), marks.keepForRun('open', listed(9).digest)]).toEqual([
      true,
      false,
    ]);
    marks.releaseRuns();
    marks.begin();
    expect([...marks.unmarked()].map((blob) => blob?.size)).toEqual([1_000, 3_000]);
    expect([1, 2].map((name) => marks.isUnmarked('open', listed(name).digest))).toEqual([true, false]);
  });

  test('hold what a sync let go until the pass that follows has ended: it may be of a full repository', () => {
    const index = new BlobIndex();
    const marks = new Marks(index);
    for (const name of [1, 2]) {
      index.add('open', listed(name));
      marks.keepForRun('open', listed(name).digest);
    }
    marks.divideRuns();
    marks.releaseRuns();
    const held = () => [1, 2].map((name) => marks.isHeldBack('open', listed(name).digest));
    marks.begin();
    expect(held()).toEqual([true, true]);
    marks.mark('open', listed(1).digest, true);
    expect([held(), marks.isUnmarked('open', listed(2).digest)]).toEqual([[true, true], true]);
    marks.end();
    expect(held()).toEqual([true, false]);
  });

  test('protect until a later pass does not, and never in between', () => {
    const index = new BlobIndex();
    const marks = new Marks(index);
    for (const name of [1, 2]) index.add('open', listed(name));
    const held = () => [...index.blobs((flags) => (flags & flag.protected) !== 0)].map(({ size }) => size);
    marks.protect('open', listed(1).digest);
    marks.begin();
    expect(held()).toEqual([1_000]);
    marks.mark('open', listed(2).digest, true);
    expect(held()).toEqual([1_000]);
    marks.end();
    expect([held(), index.bytes('probation').free]).toEqual([[2_000], 1_000]);
  });
});
