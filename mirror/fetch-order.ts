import type { Listed } from '../base/digest.ts';

export interface MapPackage {
  readonly href: string;
  readonly listed: Listed;
}

/** 0: named by a security advisory; 1: served here before; 2: neither. */
export type FetchRank = 0 | 1 | 2;

/** Packages that are in memory at a time: a sixteenth of all, so that a map is gone through some 17 times at most. */
const leastBatch = 10_000;
const batches = 16;
/** More than any size: 2^48 bytes is what a map can say. */
const later = 2 ** 49;

/**
 * Packages in the order in which they are fetched, many at a time: by rank, the lowest first, and small before large in
 * each.
 * @param blocks goes through all of them from the beginning, always in the same order.
 */
export async function* inFetchOrder(
  blocks: () => AsyncIterable<readonly MapPackage[]>,
  rankOfName: (href: string) => FetchRank,
): AsyncGenerator<readonly MapPackage[]> {
  const rankOf = ({ href, listed }: MapPackage): number => rankOfName(href) * later + listed.size;
  const ranks: number[] = [];
  for await (const block of blocks()) for (const entry of block) ranks.push(rankOf(entry));
  const sorted = Float64Array.from(ranks).sort();
  ranks.length = 0;
  for (const { from, to } of ranges(sorted)) {
    const batch: { readonly rank: number; readonly entry: MapPackage }[] = [];
    for await (const block of blocks()) {
      const ranked = block.map((entry) => ({ rank: rankOf(entry), entry }));
      const wanted = ranked.filter(({ rank }) => rank >= from && rank <= to);
      // All of one rank, however many they are: there is nothing to sort.
      if (from === to) yield wanted.map(({ entry }) => entry);
      else batch.push(...wanted);
    }
    batch.sort((one, other) => one.rank - other.rank);
    yield batch.map(({ entry }) => entry);
  }
}

/** Ranks from and to, both included, which hold about a batch each. */
function* ranges(sorted: Float64Array): Generator<{ readonly from: number; readonly to: number }> {
  const size = Math.max(leastBatch, Math.ceil(sorted.length / batches));
  for (let start = 0; start < sorted.length;) {
    const from = sorted[start] ?? 0;
    const whole = start + size >= sorted.length;
    // Up to the last rank that ends within the batch; one that alone is more than a batch is a range of its own.
    let end = whole ? sorted.length : start + size;
    if (!whole) while (end > start && sorted[end - 1] === sorted[end]) end -= 1;
    if (end === start) end = firstBehind(sorted, from);
    yield { from, to: sorted[end - 1] ?? from };
    start = end;
  }
}

/** The first place whose rank is larger. */
function firstBehind(sorted: Float64Array, rank: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= rank) low = middle + 1;
    else high = middle;
  }
  return low;
}
