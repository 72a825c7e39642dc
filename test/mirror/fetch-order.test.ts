import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { inFetchOrder } from '../../mirror/fetch-order.ts';
import type { FetchRank, MapPackage } from '../../mirror/fetch-order.ts';
import { seeded } from '../support/primary-generator.ts';

const digest = digestOf('');

/** As a map gives them; the last block is empty. */
async function* inBlocks(entries: readonly MapPackage[]): AsyncGenerator<readonly MapPackage[]> {
  for (let at = 0; at <= entries.length; at += 70) yield entries.slice(at, at + 70);
  yield [];
}

/** What comes, and how many times all packages were gone through for it. */
async function ordered(
  entries: readonly MapPackage[],
  urgent: ReadonlySet<string> = new Set(),
): Promise<{ order: readonly MapPackage[]; passes: number }> {
  let passes = 0;
  const blocks = (): AsyncGenerator<readonly MapPackage[]> => {
    passes += 1;
    return inBlocks(entries);
  };
  const order: MapPackage[] = [];
  for await (const block of inFetchOrder(blocks, (href) => (urgent.has(href) ? 0 : 2))) order.push(...block);
  return { order, passes };
}

const sorted = (entries: readonly MapPackage[], urgent: ReadonlySet<string>): MapPackage[] =>
  entries.toSorted(
    (one, other) =>
      Number(urgent.has(other.href)) - Number(urgent.has(one.href)) || one.listed.size - other.listed.size,
  );

test('what is urgent comes first, then what was served before, and small before large in each', async () => {
  const ranked = fc.tuple(fc.nat(20), fc.constantFrom<FetchRank>(0, 1, 2));
  await fc.assert(
    fc.asyncProperty(fc.array(ranked, { maxLength: 50 }), async (list) => {
      const entries = list.map(([size], index) => ({ href: String(index), listed: { digest, size } }));
      const rank = (href: string): FetchRank => list[Number(href)]?.[1] ?? 2;
      const order: MapPackage[] = [];
      for await (const block of inFetchOrder(() => inBlocks(entries), rank)) order.push(...block);
      const expected = entries.toSorted(
        (one, other) => rank(one.href) - rank(other.href) || one.listed.size - other.listed.size,
      );
      expect(order).toEqual(expected);
    }),
  );
});

test('the urgent come first, and small before large', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 50 }), async (list) => {
      const entries = list.map(([size], index) => ({ href: `${index}.rpm`, listed: { digest, size } }));
      const urgent = new Set(list.flatMap(([, is], index) => (is ? [`${index}.rpm`] : [])));
      expect((await ordered(entries, urgent)).order).toEqual(sorted(entries, urgent));
    }),
  );
});

test.each([
  ['all of different sizes', 1_000_000_000],
  ['with many of a size', 30],
  ['with two sizes', 2],
  ['all of one size', 1],
])('of 45,000 packages, %s, a part is in memory at a time and each comes once, in order', async (_, sizes) => {
  const random = seeded(7);
  const entries = Array.from({ length: 45_000 }, (__, index) => {
    return { href: `${index}.rpm`, listed: { digest, size: Math.floor(random() * sizes) } };
  });
  const urgent = new Set(entries.filter(() => random() < 0.1).map(({ href }) => href));
  const { order, passes } = await ordered(entries, urgent);
  expect(order.map(({ href }) => href)).toEqual(sorted(entries, urgent).map(({ href }) => href));
  expect(passes).toBeGreaterThanOrEqual(3);
  expect(passes).toBeLessThanOrEqual(1 + 2 * 5);
});
