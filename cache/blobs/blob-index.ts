import type { Digest, Listed } from '../../base/digest.ts';
import { BlobEntries, queueNames } from './blob-entries.ts';
import type { QueueName } from './blob-entries.ts';
import { digestOfWords, hashWord } from '../../base/digest.ts';
import { flag } from './entry-flags.ts';
import { newEntry } from './entry-queue.ts';
import type { Entry } from './entry-queue.ts';
import { Ghosts } from './ghosts.ts';
import { SoughtDigest } from './sought-digest.ts';
import { ScopeNumbers } from './scope-numbers.ts';

/** A blob as the index has it. */
export interface IndexedBlob {
  readonly scope: string;
  /** Of sha384 and sha512 only the first 64 hex digits are kept in memory. */
  readonly digest: Digest;
  readonly size: number;
}

/** Entries that are looked at in one turn: about a millisecond. */
const entriesPerTurn = 10_000;

/** The next of a queue. */
export interface OldestBlob extends IndexedBlob {
  readonly flags: number;
  /** Seconds since the epoch at which it came into the queue. */
  readonly time: number;
}

export interface Added {
  /** The file has another name as well. */
  readonly linked?: boolean;
  /** A client asked for it: half of what makes it stay. A prefetched file begins without. */
  readonly wanted?: boolean;
}

/**
 * Which blobs are held, in memory, in at most 48 bytes each: for eviction, counting and garbage. A hit opens the path
 * that the digest names, so this can never be wrong about content.
 */
export class BlobIndex {
  readonly #entries = new BlobEntries();
  readonly #scopes = new ScopeNumbers();
  readonly #ghosts = new Ghosts();
  readonly #now: () => number;
  readonly #sought = new SoughtDigest();
  /** Where the digest in `#sought` was found last: each file of a sync is looked for some times in a row. */
  readonly #found = { scope: '', position: 0, changes: -1 };
  /** Grows with every change; what was counted at another version is out of date. */
  version = 0;
  /** It has every blob that there is: what it does not have is not held. Said by who counts at start. */
  complete = false;
  /** Grows with every blob that had its turn in a queue: a use noted before is spent, and worth noting again. */
  turn = 0;

  /** @param now seconds since the epoch: how old what goes next is. */
  constructor(now: () => number = () => Math.floor(Date.now() / 1000)) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.live;
  }

  /** Bytes of a queue: of all its blobs, and of those that may be evicted. */
  bytes(queue: QueueName): { readonly all: number; readonly free: number } {
    return this.#entries.bytes(queue);
  }

  has(scope: string, digest: Digest): boolean {
    return this.#find(scope, digest) !== 0;
  }

  /** The file was seen, or came just now. @returns false when that was known already. */
  add(scope: string, listed: Listed, { linked = false, wanted = false }: Added = {}): boolean {
    const known = this.#find(scope, listed.digest);
    const more = flag.confirmed | flag.marked | (linked ? flag.linked : 0);
    if (known !== 0) {
      const confirmed = (this.#entries.flags(known) & flag.confirmed) !== 0;
      this.#entries.setFlags(known, more);
      return !confirmed;
    }
    const number = this.#scopes.numberOf(scope);
    if (number === null) return true;
    const { words, algorithm } = this.#sought;
    const flags = algorithm | more | ((wanted ? 1 : 0) << flag.useShift);
    const entry: Entry = { words, size: listed.size, scope: number, flags };
    this.#entries.append(wanted && this.#ghosts.recall(entry.words) ? 'main' : 'probation', entry, this.#now());
    this.version += 1;
    return true;
  }

  /** @returns whether it was there, and not only hinted at by a snapshot. */
  delete(scope: string, digest: Digest): boolean {
    const position = this.#find(scope, digest);
    if (position === 0) return false;
    const confirmed = (this.#entries.flags(position) & flag.confirmed) !== 0;
    this.#entries.remove(position);
    this.version += 1;
    return confirmed;
  }

  /** Forgets what a snapshot hinted at and no count has seen: many at a time, then whatever else is to do. */
  async dropUnconfirmed(): Promise<void> {
    let met = 0;
    for (const queue of queueNames) {
      for (const position of this.#entries.positions(queue)) {
        if ((this.#entries.flags(position) & flag.confirmed) === 0) {
          this.#entries.remove(position);
          this.version += 1;
        }
        met += 1;
        if (met % entriesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Removed to make room: when it comes back soon, it stays longer. @returns false when it was not there. */
  evicted(scope: string, digest: Digest): boolean {
    const known = this.delete(scope, digest);
    this.turn += 1;
    if (known) this.#ghosts.remember(this.#sought.words);
    return known;
  }

  /** Somebody asked for it. */
  touch(scope: string, digest: Digest): void {
    const position = this.#find(scope, digest);
    if (position !== 0) this.#entries.change(position, usedOnceMore);
  }

  /** The scopes that hold a file of this digest. */
  scopesOf(digest: Digest): readonly string[] {
    return this.#scopes.names.filter((scope) => this.#find(scope, digest) !== 0);
  }

  /** Bytes of a file of this digest, whichever scope holds it; null: none does. */
  sizeOf(digest: Digest): number | null {
    const positions = this.#scopes.names.map((scope) => this.#find(scope, digest));
    const position = positions.find((each) => each !== 0);
    return position === undefined ? null : this.#read(position).size;
  }

  /** The file has, or had, more than one name. */
  isLinked(scope: string, digest: Digest): boolean {
    const position = this.#find(scope, digest);
    return position !== 0 && (this.#entries.flags(position) & flag.linked) !== 0;
  }

  /** It is there, and not only hinted at by a snapshot. */
  isConfirmed(scope: string, digest: Digest): boolean {
    return (this.flagsOf(scope, digest) & flag.confirmed) !== 0;
  }

  /** 0 when it is not there. */
  flagsOf(scope: string, digest: Digest): number {
    const position = this.#find(scope, digest);
    return position === 0 ? 0 : this.#entries.flags(position);
  }

  /** Sets flags of one blob. @returns false when it is not there. */
  flag(scope: string, digest: Digest, set: number): boolean {
    const position = this.#find(scope, digest);
    if (position !== 0) this.#entries.setFlags(position, set);
    return position !== 0;
  }

  /** Changes the flags of every blob, in one turn: some milliseconds for a million. */
  flagAll(change: (flags: number) => number): void {
    this.#entries.changeAll(change);
  }

  /** The blobs whose flags are as asked, oldest first; what comes or moves meanwhile may be missed. */
  *blobs(are: (flags: number) => boolean = () => true): Generator<IndexedBlob> {
    for (const queue of queueNames) {
      for (const position of this.#entries.positions(queue)) {
        if (are(this.#entries.flags(position))) yield this.#read(position);
      }
    }
  }

  /** As `blobs`; null after each turn's worth of entries: a million of them are looked at in many turns. */
  *blobsInTurns(are: (flags: number) => boolean): Generator<IndexedBlob | null> {
    let looks = 0;
    for (const queue of queueNames) {
      for (const position of this.#entries.positions(queue)) {
        looks += 1;
        if (looks % entriesPerTurn === 0) yield null;
        if (are(this.#entries.flags(position))) yield this.#read(position);
      }
    }
  }

  /** The oldest of a queue, null when it is empty. It stays the oldest until it is deleted or put last. */
  oldest(queue: QueueName): OldestBlob | null {
    const position = this.#entries.oldest(queue);
    if (position === 0) return null;
    const [flags, time] = [this.#entries.flags(position), this.#entries.time(position)];
    return { ...this.#read(position), flags, time };
  }

  /** Takes the oldest of a queue to the end of the main one, with other flags. */
  requeue(queue: QueueName, change: (flags: number) => number): void {
    this.turn += 1;
    this.#entries.requeue(queue, change, this.#now());
  }

  /** The entries of a queue in their order, with their times: what a snapshot writes. The entry is valid until the next. */
  *entries(queue: QueueName): Generator<{ readonly entry: Entry; readonly time: number }> {
    const entry = newEntry();
    for (const position of this.#entries.positions(queue)) {
      this.#entries.read(position, entry);
      yield { entry, time: this.#entries.time(position) };
    }
  }

  /** The names behind the scope numbers of `entries`. */
  get scopeNames(): readonly string[] {
    return this.#scopes.names;
  }

  /** Takes over an entry of a snapshot, unless the blob is known by now. @param scope its name: numbers are of one process. */
  restore(queue: QueueName, entry: Entry, scope: string, time: number): void {
    const number = this.#scopes.numberOf(scope);
    const { words } = entry;
    const sought = { hash: words[hashWord] ?? 0, words };
    if (number === null || this.#entries.find(sought, number, entry.flags & flag.algorithm) !== 0) return;
    entry.scope = number;
    this.#entries.append(queue, entry, time);
    this.version += 1;
  }

  #read(position: number): IndexedBlob {
    const entry = newEntry();
    this.#entries.read(position, entry);
    const digest = digestOfWords(entry.flags & flag.algorithm, entry.words);
    return { scope: this.#scopes.names[entry.scope] ?? '', digest, size: entry.size };
  }

  /** Leaves the digest in `#sought`. */
  #find(scope: string, digest: Digest): number {
    const found = this.#found;
    const { changes } = this.#entries;
    if (this.#sought.isSet(digest) && found.changes === changes && found.scope === scope) return found.position;
    const number = this.#scopes.known(scope);
    found.scope = scope;
    found.changes = changes;
    found.position = number === null ? 0 : this.#entries.find(this.#sought, number, this.#sought.algorithm);
    return found.position;
  }
}

function usedOnceMore(flags: number): number {
  return (flags & flag.use) === flag.use ? flags : flags + (1 << flag.useShift);
}
