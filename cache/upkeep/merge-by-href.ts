import type { MapEntry } from '../../maps/reader.ts';

/** Entries in the order of the bytes of their hrefs, and what they belong to. */
export interface HrefSource<Of> {
  readonly of: Of;
  readonly entries: AsyncGenerator<MapEntry>;
}

/**
 * Goes through several package maps at once, in the order of their hrefs: what several list alike comes once, and no
 * more than an entry of each is in memory.
 */
export async function* mergeByHref<Of>(
  sources: readonly HrefSource<Of>[],
): AsyncGenerator<{ readonly of: Of; readonly entry: MapEntry }> {
  const heads: { readonly of: Of; readonly entries: AsyncGenerator<MapEntry>; entry: MapEntry }[] = [];
  try {
    for (const { of, entries } of sources) {
      const first = await entries.next();
      if (first.done !== true) heads.push({ of, entries, entry: first.value });
    }
    while (heads.length > 0) {
      const { href } = heads.reduce((one, other) => (isBehind(one, other) ? other : one)).entry;
      const digests = new Set<string>();
      for (const head of heads.filter(({ entry }) => entry.href === href)) {
        if (!digests.has(head.entry.listed.digest)) yield { of: head.of, entry: head.entry };
        digests.add(head.entry.listed.digest);
        const next = await head.entries.next();
        if (next.done === true) heads.splice(heads.indexOf(head), 1);
        else head.entry = next.value;
      }
    }
  } finally {
    await Promise.all(sources.map(({ entries }) => entries.return(undefined)));
  }
}

function isBehind(one: { readonly entry: MapEntry }, other: { readonly entry: MapEntry }): boolean {
  const [left, right] = [one.entry.href, other.entry.href];
  return left !== right && Buffer.compare(Buffer.from(left), Buffer.from(right)) > 0;
}
