import { invariant } from '../../base/errors.ts';
import { wordsKept } from './digest-words.ts';

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
 * order of arrival; it is never moved while it is in the queue.
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

  firstWord(number: number): number {
    return this.#segment(number).words[this.#place(number) * wordsKept] ?? 0;
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
