import { viewEntry } from './format.ts';

/** Entries in a run: sorting one takes about 2 ms, so that hits are served meanwhile. */
const runLength = 2_000;
const entriesPerTurn = 1_000;

/** Gathers encoded entries and gives them back in the order of their names, a little at a time. */
export class SortedEntries {
  readonly #runs: Buffer[][] = [];
  #run: Buffer[] = [];

  add(entry: Buffer): void {
    this.#run.push(entry);
    if (this.#run.length === runLength) this.#endRun();
  }

  /** All entries by the bytes of their names; equal names are neighbours. */
  async *inOrder(): AsyncGenerator<Buffer> {
    if (this.#run.length > 0) this.#endRun();
    const heads = this.#runs.map((run) => ({ run, next: 0 }));
    heads.sort((one, other) => compareHeads(one, other));
    let given = 0;
    for (let first = heads[0]; first !== undefined; first = heads[0]) {
      const entry = first.run[first.next];
      first.next += 1;
      if (first.next === first.run.length) heads.shift();
      else siftFirst(heads);
      if (entry !== undefined) yield entry;
      given += 1;
      if (given % entriesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #endRun(): void {
    this.#runs.push(this.#run.toSorted(compareNames));
    this.#run = [];
  }
}

interface Head {
  readonly run: readonly Buffer[];
  next: number;
}

function compareHeads(one: Head, other: Head): number {
  const left = one.run[one.next];
  const right = other.run[other.next];
  return left === undefined || right === undefined ? 0 : compareNames(left, right);
}

/** Puts the first head where it belongs now. Metadata is mostly sorted, so that it seldom moves far. */
function siftFirst(heads: Head[]): void {
  const [first] = heads;
  if (first === undefined) return;
  let low = 1;
  let high = heads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const head = heads[middle];
    if (head !== undefined && compareHeads(head, first) < 0) low = middle + 1;
    else high = middle;
  }
  if (low === 1) return;
  heads.copyWithin(0, 1, low);
  heads[low - 1] = first;
}

/** By the bytes of the names. */
export function compareNames(one: Buffer, other: Buffer): number {
  const left = viewEntry(one, 0);
  const right = viewEntry(other, 0);
  return one.compare(other, right.nameStart, right.nameEnd, left.nameStart, left.nameEnd);
}
