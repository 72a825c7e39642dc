import type { Listed } from '../base/digest.ts';

interface Entry {
  readonly href: string;
  readonly listed: Listed;
}

/** The hrefs by which two package maps differ, and those whose file is another one. */
export interface Hrefs {
  readonly from: ReadonlySet<string>;
  readonly to: ReadonlySet<string>;
}

/** Goes through two package maps side by side: an entry of each is in memory, and what differs. */
export async function differingHrefs(from: AsyncIterable<Entry>, to: AsyncIterable<Entry>): Promise<Hrefs> {
  const [before, after] = [from[Symbol.asyncIterator](), to[Symbol.asyncIterator]()];
  const differing = { from: new Set<string>(), to: new Set<string>() };
  try {
    let [one, other] = [await next(before), await next(after)];
    while (one !== null || other !== null) {
      const order = compared(one, other);
      const isSame = order === 0 && one?.listed.digest === other?.listed.digest;
      if (order <= 0 && one !== null) {
        if (!isSame) differing.from.add(one.href);
        one = await next(before);
      }
      if (order >= 0 && other !== null) {
        if (!isSame) differing.to.add(other.href);
        other = await next(after);
      }
    }
    return differing;
  } finally {
    await before.return?.();
    await after.return?.();
  }
}

async function next(entries: AsyncIterator<Entry>): Promise<Entry | null> {
  const result = await entries.next();
  return result.done === true ? null : result.value;
}

/** By the bytes of the hrefs, as maps are sorted; what has ended comes last. */
function compared(one: Entry | null, other: Entry | null): number {
  if (one === null) return 1;
  if (other === null) return -1;
  return one.href === other.href ? 0 : Buffer.compare(Buffer.from(one.href), Buffer.from(other.href));
}
