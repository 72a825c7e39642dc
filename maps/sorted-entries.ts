import type { Listed } from '../base/digest.ts';
import { entryLength, nameEndOf, nameStartOf, viewEntry, writeEntry } from './format.ts';

/** Entries in a run: sorting one takes about 2 ms, so that hits are served meanwhile. */
const runLength = 2_000;
/** Entries given back at once: about 1 ms of work for whoever takes them. */
const batchLength = 1_000;

/**
 * Gathers encoded entries and gives them back in the order of their names. Packed, run by run: as objects the entries
 * of a large repository would take twice the memory, and each collection of garbage would have to look at them all.
 */
export class SortedEntries {
  readonly #runs: Buffer[] = [];
  /** The run that grows, in the order of coming, and where its entries begin. */
  #run = Buffer.allocUnsafe(256 * 1024);
  #runBytes = 0;
  #starts: number[] = [];

  add(href: string, listed: Listed): void {
    const end = this.#runBytes + entryLength(href, listed);
    if (end > this.#run.length) {
      const larger = Buffer.allocUnsafe(2 * end);
      this.#run.copy(larger, 0, 0, this.#runBytes);
      this.#run = larger;
    }
    writeEntry(this.#run, this.#runBytes, href, listed);
    this.#starts.push(this.#runBytes);
    this.#runBytes = end;
    if (this.#starts.length === runLength) this.#endRun();
  }

  /** All entries by the bytes of their names, as views, in batches; equal names are neighbours. */
  *inOrder(): Generator<readonly Buffer[]> {
    if (this.#starts.length > 0) this.#endRun();
    const heads = this.#runs.map((run): Head => ({ run, start: 0 }));
    heads.sort(compareHeads);
    let batch: Buffer[] = [];
    for (let first = heads[0]; first !== undefined; first = heads[0]) {
      const { run, start } = first;
      first.start = viewEntry(run, start).end;
      batch.push(run.subarray(start, first.start));
      if (first.start === run.length) heads.shift();
      else siftFirst(heads);
      if (batch.length < batchLength) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  }

  #endRun(): void {
    const from = this.#run;
    const sorted = this.#starts.toSorted((one, other) => compareNames(from, one, from, other));
    const run = Buffer.allocUnsafe(this.#runBytes);
    let length = 0;
    for (const start of sorted) length += from.copy(run, length, start, viewEntry(from, start).end);
    this.#runs.push(run);
    this.#runBytes = 0;
    this.#starts = [];
  }
}

/** The first entry of a run that was not given back yet. */
interface Head {
  readonly run: Buffer;
  start: number;
}

function compareHeads(one: Head, other: Head): number {
  return compareNames(one.run, one.start, other.run, other.start);
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

/** Two entries, each by its buffer and where it begins there, by the bytes of their names. */
export function compareNames(one: Buffer, at: number, other: Buffer, otherAt: number): number {
  const [start, otherStart] = [nameStartOf(at), nameStartOf(otherAt)];
  return one.compare(other, otherStart, nameEndOf(other, otherAt), start, nameEndOf(one, at));
}
