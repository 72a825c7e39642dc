import { hashWord, wordsKept } from '../../base/digest.ts';
import { flag, heldBack } from './entry-flags.ts';
import { EntryQueue, newEntry } from './entry-queue.ts';
import type { Entry } from './entry-queue.ts';
import { PositionTable } from './position-table.ts';

/** The two queues of S3-FIFO (Yang et al., SOSP 2023): what came lately, and what was asked for again. */
export type QueueName = 'probation' | 'main';

export const queueNames = ['probation', 'main'] as const satisfies readonly QueueName[];

/** Positions are numbers with the queue in the lowest bit, in 32 bits; before a number does not fit, all begin anew. */
const lastNumber = 2 ** 30;
/** Places of removed entries are given back when there are as many as this, … */
const fewDead = 16_384;
/** … and this share of the entries, … */
const deadShare = 1 / 3;
/** … so many places with each entry that comes: nobody waits for a million. */
const placesAtATime = 64;

/** A digest that is looked for. */
export interface Sought {
  /** The word that it is found by. */
  readonly hash: number;
  /** All of it: read only of what may be the one. */
  readonly words: Uint32Array;
}

/** A queue whose entries close up, the oldest first. */
interface Closing {
  readonly queue: QueueName;
  /** From here up to `next` no place is in use. */
  gap: number;
  next: number;
}

/** Entries in two queues, found by digest, scope and algorithm. 0 is no position; every change may move the others. */
export class BlobEntries {
  readonly #queues: Record<QueueName, EntryQueue> = { probation: new EntryQueue(), main: new EntryQueue() };
  readonly #bytes = { probation: { all: 0, free: 0 }, main: { all: 0, free: 0 } };
  readonly #table = new PositionTable((position) => this.#queueOf(position).hash(numberOf(position)));
  #live = 0;
  #dead = 0;
  #closing: Closing | null = null;
  /** What `find` looks for: kept, so that each look allocates nothing. */
  readonly #seeking: { sought: Sought; scope: number; algorithm: number } = {
    sought: { hash: 0, words: new Uint32Array(wordsKept) },
    scope: 0,
    algorithm: 0,
  };
  readonly #isSought = (position: number): boolean => {
    const { sought, scope, algorithm } = this.#seeking;
    const entries = this.#queueOf(position);
    const number = numberOf(position);
    // By nearly all others that are met on the way: they have another.
    if (entries.hash(number) !== sought.hash) return false;
    const tagged = entries.scopeAndFlags(number);
    return (
      (tagged & 0xfff) === scope &&
      ((tagged >>> 12) & flag.algorithm) === algorithm &&
      entries.sameDigest(number, sought.words)
    );
  };
  /** Grows when an entry comes or goes, or has another position: what `find` said before may be wrong then. */
  changes = 0;
  /** Whoever walks through a queue does not miss what closes up behind it: nothing does meanwhile. */
  #walks = 0;

  get live(): number {
    return this.#live;
  }

  /** Bytes of a queue: of all its blobs, and of those that may be evicted. */
  bytes(queue: QueueName): { readonly all: number; readonly free: number } {
    return this.#bytes[queue];
  }

  find(sought: Sought, scope: number, algorithm: number): number {
    this.#seeking.sought = sought;
    this.#seeking.scope = scope;
    this.#seeking.algorithm = algorithm;
    return this.#table.find(sought.hash, this.#isSought);
  }

  /** @param time of entry, seconds since the epoch. */
  append(queue: QueueName, entry: Entry, time: number): void {
    this.changes += 1;
    if (this.#queues[queue].tail >= lastNumber) this.#renumber();
    this.#closeUp();
    this.#table.insert(hashOf(entry.words), positionOf(queue, this.#queues[queue].push(entry, time)));
    this.#count(queue, entry, 1);
    this.#live += 1;
  }

  remove(position: number): void {
    this.changes += 1;
    const queue = queueNameOf(position);
    const entries = this.#queues[queue];
    const number = numberOf(position);
    const entry = newEntry();
    entries.read(number, entry);
    this.#table.remove(hashOf(entry.words), position);
    this.#count(queue, entry, -1);
    entries.setFlags(number, flag.dead);
    this.#live -= 1;
    this.#dead += 1;
  }

  flags(position: number): number {
    return this.#queueOf(position).scopeAndFlags(numberOf(position)) >>> 12;
  }

  setFlags(position: number, set: number): void {
    const before = this.flags(position);
    if ((before & set) !== set) this.#change(position, before, before | set);
  }

  change(position: number, change: (flags: number) => number): void {
    const before = this.flags(position);
    this.#change(position, before, change(before));
  }

  #change(position: number, before: number, after: number): void {
    const queue = queueNameOf(position);
    const entries = this.#queues[queue];
    const number = numberOf(position);
    const freed = Number((before & heldBack) !== 0) - Number((after & heldBack) !== 0);
    if (freed !== 0) this.#bytes[queue].free += freed * entries.size(number);
    entries.setFlags(number, after);
  }

  /** Changes the flags of all. */
  changeAll(change: (flags: number) => number): void {
    for (const queue of queueNames) this.#bytes[queue].free -= this.#queues[queue].changeAll(change, heldBack);
  }

  read(position: number, into: Entry): void {
    this.#queueOf(position).read(numberOf(position), into);
  }

  time(position: number): number {
    return this.#queueOf(position).time(numberOf(position));
  }

  /** The entries of a queue in their order. Those that come or are put last meanwhile may be seen twice. */
  *positions(queue: QueueName): Generator<number> {
    this.#walks += 1;
    try {
      for (let number = 0; number < this.#queues[queue].tail; number += 1) {
        number = Math.max(number, this.#queues[queue].head);
        if (number === this.#queues[queue].tail) return;
        const position = positionOf(queue, number);
        if ((this.flags(position) & flag.dead) === 0) yield position;
      }
    } finally {
      this.#walks -= 1;
    }
  }

  /** The oldest of a queue; 0: it is empty. */
  oldest(queue: QueueName): number {
    const entries = this.#queues[queue];
    for (; entries.head < entries.tail; entries.shift()) {
      const position = positionOf(queue, entries.head);
      if ((this.flags(position) & flag.dead) === 0) return position;
      this.#dead -= 1;
    }
    return 0;
  }

  /** Takes the oldest of a queue to the end of the main one, with other flags. */
  requeue(queue: QueueName, change: (flags: number) => number, time: number): void {
    const from = this.oldest(queue);
    if (from === 0) return;
    this.changes += 1;
    const entry = newEntry();
    this.read(from, entry);
    this.#count(queue, entry, -1);
    entry.flags = change(entry.flags);
    this.#queues[queue].shift();
    const to = positionOf('main', this.#queues.main.push(entry, time));
    this.#count('main', entry, 1);
    this.#table.replace(hashOf(entry.words), from, to);
  }

  /** Gives places of removed entries back, a few at a time. */
  #closeUp(): void {
    if (this.#walks > 0) return;
    if (this.#closing === null) {
      if (this.#dead <= fewDead + this.#live * deadShare) return;
      this.#closing = { queue: 'probation', gap: 0, next: 0 };
    }
    const closing = this.#closing;
    const entries = this.#queues[closing.queue];
    // The oldest may have gone meanwhile.
    closing.gap = Math.max(closing.gap, entries.head);
    closing.next = Math.max(closing.next, entries.head);
    const end = Math.min(entries.tail, closing.next + placesAtATime);
    for (; closing.next < end; closing.next += 1) {
      if ((entries.scopeAndFlags(closing.next) >>> 12) & flag.dead) continue;
      if (closing.gap < closing.next) this.#move(closing.queue, closing.next, closing.gap);
      closing.gap += 1;
    }
    if (closing.next < entries.tail) return;
    this.#dead -= entries.tail - closing.gap;
    entries.truncate(closing.gap);
    this.#closing = closing.queue === 'probation' ? { queue: 'main', gap: 0, next: 0 } : null;
  }

  #move(queue: QueueName, from: number, to: number): void {
    const entries = this.#queues[queue];
    entries.move(from, to);
    entries.setFlags(from, flag.dead);
    this.#table.replace(entries.hash(to), positionOf(queue, from), positionOf(queue, to));
  }

  /** Begins numbers at 0 again, in one turn: once in a thousand million entries. */
  #renumber(): void {
    this.#closing = null;
    const entry = newEntry();
    for (const queue of queueNames) {
      const before = this.#queues[queue];
      const after = new EntryQueue();
      // Segment by segment: what was copied is given back before the rest is.
      for (; before.head < before.tail; before.shift()) {
        before.read(before.head, entry);
        if ((entry.flags & flag.dead) === 0) after.push(entry, before.time(before.head));
      }
      this.#queues[queue] = after;
    }
    this.#dead = 0;
    this.#table.clear(this.#live + 1);
    for (const queue of queueNames) {
      const entries = this.#queues[queue];
      for (let number = entries.head; number < entries.tail; number += 1)
        this.#table.insert(entries.hash(number), positionOf(queue, number));
    }
  }

  #count(queue: QueueName, { size, flags }: Entry, sign: 1 | -1): void {
    this.#bytes[queue].all += sign * size;
    if ((flags & heldBack) === 0) this.#bytes[queue].free += sign * size;
  }

  #queueOf(position: number): EntryQueue {
    return this.#queues[queueNameOf(position)];
  }
}

function hashOf(words: Uint32Array): number {
  return words[hashWord] ?? 0;
}

function positionOf(queue: QueueName, number: number): number {
  return number * 2 + (queue === 'main' ? 1 : 0) + 1;
}

function numberOf(position: number): number {
  return Math.floor((position - 1) / 2);
}

function queueNameOf(position: number): QueueName {
  return (position - 1) % 2 === 1 ? 'main' : 'probation';
}
