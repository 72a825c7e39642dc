import { invariant } from '../../base/errors.ts';
import { hashWord, wordsKept } from '../../base/digest.ts';
import { flag } from './entry-flags.ts';

/** Entries of one segment: a queue grows and shrinks by whole segments, never by copying what it holds. */
const segmentLength = 4096;
/** Neighbours that share a time of entry: exact enough to say how old the next victim is. */
const timeShift = 3;

/** What is kept of one blob: 256 bits of its digest, 40 of its size, 12 of its scope's number, 12 flags. */
export interface Entry {
  readonly words: Uint32Array;
  size: number;
  scope: number;
  flags: number;
}

interface Segment {
  readonly words: Uint32Array;
  readonly sizeLow: Uint32Array;
  /** From the lowest bit: 8 of the size, 12 of the scope, 12 flags. */
  readonly rest: Uint32Array;
  readonly times: Uint32Array;
}

const emptySegment = (): Segment => ({
  words: new Uint32Array(segmentLength * wordsKept),
  sizeLow: new Uint32Array(segmentLength),
  rest: new Uint32Array(segmentLength),
  times: new Uint32Array(segmentLength >> timeShift),
});

export const newEntry = (): Entry => ({ words: new Uint32Array(wordsKept), size: 0, scope: 0, flags: 0 });

/**
 * A first-in-first-out queue of entries in typed arrays: 40.5 bytes each. An entry is addressed by its number in the
 * order of arrival; only `move` gives it another.
 */
export class EntryQueue {
  #segments: Segment[] = [];
  /** Number of the first entry of the first segment. */
  #base = 0;
  #head = 0;
  #tail = 0;

  /** Number of the oldest entry; equal to `tail` when there is none. */
  get head(): number {
    return this.#head;
  }

  /** Number that the next entry gets. */
  get tail(): number {
    return this.#tail;
  }

  /** @param time of entry, seconds since the epoch. @returns its number. */
  push(entry: Entry, time: number): number {
    const number = this.#tail;
    if (number - this.#base === this.#segments.length * segmentLength) this.#segments.push(emptySegment());
    const segment = this.#segment(number);
    const at = this.#place(number);
    segment.words.set(entry.words, at * wordsKept);
    if ((at & ((1 << timeShift) - 1)) === 0) segment.times[at >> timeShift] = time;
    segment.sizeLow[at] = entry.size >>> 0;
    segment.rest[at] = packRest(entry);
    this.#tail = number + 1;
    return number;
  }

  /** Takes the oldest entry out. */
  shift(): void {
    this.#head += 1;
    if (this.#head - this.#base < segmentLength) return;
    this.#segments.shift();
    this.#base += segmentLength;
  }

  read(number: number, into: Entry): void {
    const segment = this.#segment(number);
    const at = this.#place(number);
    for (let word = 0; word < wordsKept; word += 1) into.words[word] = segment.words[at * wordsKept + word] ?? 0;
    const rest = segment.rest[at] ?? 0;
    into.size = (segment.sizeLow[at] ?? 0) + (rest & 0xff) * 2 ** 32;
    into.scope = (rest >>> 8) & 0xfff;
    into.flags = rest >>> 20;
  }

  /** Seconds since the epoch at which it came, or up to seven entries before it did. */
  time(number: number): number {
    return this.#segment(number).times[this.#place(number) >> timeShift] ?? 0;
  }

  size(number: number): number {
    const segment = this.#segment(number);
    const at = this.#place(number);
    return (segment.sizeLow[at] ?? 0) + ((segment.rest[at] ?? 0) & 0xff) * 2 ** 32;
  }

  /** The word of its digest that it is found by. */
  hash(number: number): number {
    return this.#segment(number).words[this.#place(number) * wordsKept + hashWord] ?? 0;
  }

  sameDigest(number: number, words: Uint32Array): boolean {
    const own = this.#segment(number).words;
    const start = this.#place(number) * wordsKept;
    for (let word = 0; word < wordsKept; word += 1) if (own[start + word] !== words[word]) return false;
    return true;
  }

  /** Scope in the lower 12 bits, flags above them. */
  scopeAndFlags(number: number): number {
    return (this.#segment(number).rest[this.#place(number)] ?? 0) >>> 8;
  }

  setFlags(number: number, flags: number): void {
    const { rest } = this.#segment(number);
    const at = this.#place(number);
    rest[at] = (((rest[at] ?? 0) & 0xfffff) | (flags << 20)) >>> 0;
  }

  /**
   * Changes the flags of every entry, in one turn.
   * @param watched some flags. @returns the bytes of the entries that got the first of these, less those that lost the last.
   */
  changeAll(change: (flags: number) => number, watched: number): number {
    let bytes = 0;
    let first = this.#base;
    for (const { rest, sizeLow } of this.#segments) {
      const end = Math.min(segmentLength, this.#tail - first);
      for (let at = Math.max(0, this.#head - first); at < end; at += 1) {
        const packed = rest[at] ?? 0;
        const before = packed >>> 20;
        if ((before & flag.dead) !== 0) continue;
        const after = change(before);
        if (after === before) continue;
        rest[at] = ((packed & 0xfffff) | (after << 20)) >>> 0;
        const got = Number((after & watched) !== 0) - Number((before & watched) !== 0);
        if (got !== 0) bytes += got * ((sizeLow[at] ?? 0) + (packed & 0xff) * 2 ** 32);
      }
      first += segmentLength;
    }
    return bytes;
  }

  /** Copies an entry to an earlier place, whose own is given up. */
  move(from: number, to: number): void {
    const [source, target] = [this.#segment(from), this.#segment(to)];
    const [own, place] = [this.#place(from), this.#place(to)];
    target.words.set(source.words.subarray(own * wordsKept, (own + 1) * wordsKept), place * wordsKept);
    target.sizeLow[place] = source.sizeLow[own] ?? 0;
    target.rest[place] = source.rest[own] ?? 0;
    if ((place & ((1 << timeShift) - 1)) === 0) target.times[place >> timeShift] = this.time(from);
  }

  /** Gives the places from `tail` on back. */
  truncate(tail: number): void {
    this.#tail = tail;
    this.#segments.length = Math.ceil((tail - this.#base) / segmentLength);
  }

  #segment(number: number): Segment {
    const segment = this.#segments[Math.floor((number - this.#base) / segmentLength)];
    invariant(segment !== undefined, 'an entry is asked for that is not in the queue');
    return segment;
  }

  #place(number: number): number {
    return (number - this.#base) % segmentLength;
  }
}

function packRest({ size, scope, flags }: Entry): number {
  return ((Math.floor(size / 2 ** 32) & 0xff) | (scope << 8) | (flags << 20)) >>> 0;
}
