import type { ByteSource } from '../../base/body.ts';
import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Supplier, Transfer } from '../../base/transfer.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { HeldBlob } from '../blobs/held-blob.ts';
import type { Disk } from '../../disk/disk.ts';
import { Follower } from '../fills/follower.ts';
import type { Layout } from '../disk/layout.ts';
import type { Notes } from '../notes.ts';
import { Passthrough } from '../fills/passthrough.ts';
import { Asking, askSupplier } from './unlisted-asking.ts';
import type { Told } from './unlisted-asking.ts';
import { isProven, listedOf, readEntry } from './unlisted-entry.ts';
import type { UnlistedEntry } from './unlisted-entry.ts';
import type { UnlistedFetch, UnlistedFetches } from './unlisted-fetch.ts';

/** How long an unlisted file is served without asking whether it changed. */
const lifetime = 5 * 60_000;
/** How long its upstream's 404 is believed. */
const absentFor = 60_000;
/** What clients wait, all together, for an upstream that may only confirm what is held. */
const revalidationBudget = 1_000;

export interface UnlistedRequest {
  readonly repository: string;
  readonly file: string;
  readonly scope: string;
  /** null: nobody to ask (an orphaned repository). */
  readonly supplier: Supplier | null;
  /** What its bytes must be; absent or null: nobody knows. */
  readonly expected?: Digest | null;
}

export interface OpenedUnlisted {
  readonly source: ByteSource;
  readonly outcome: 'unlisted-hit' | 'unlisted-miss' | 'stale' | 'bypass';
  readonly contentType: string | null;
  readonly lastModified: string | null;
  /** Known once the whole was seen. */
  readonly digest: Digest | null;
}

/** Files that no metadata lists: passed through with a bounded lifetime, kept for the time without an upstream. */
export class Unlisted {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #fetches: UnlistedFetches;
  readonly #notes: Notes;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #asking = new Map<string, Asking>();
  readonly #fetching = new Map<string, UnlistedFetch>();
  readonly #absent = new Map<string, number>();

  constructor(options: {
    disk: Disk;
    layout: Layout;
    blobs: BlobStore;
    fetches: UnlistedFetches;
    notes: Notes;
    clock: Clock;
    log: Logger;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#fetches = options.fetches;
    this.#notes = options.notes;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * @returns null when the upstream says that there is no such file.
   * @throws WaystationError when it was never seen and cannot be had now.
   */
  async open(request: UnlistedRequest): Promise<OpenedUnlisted | null> {
    const fetching = this.#fetching.get(keyOf(request));
    if (fetching !== undefined) return this.#follow(fetching, request);
    const found = await this.#find(request);
    if (found === null) return this.#fetch(request);
    const { entry, held } = found;
    const { contentType, lastModified, digest } = entry;
    const hit = (outcome: 'unlisted-hit' | 'stale'): OpenedUnlisted => ({
      source: held,
      outcome,
      contentType,
      lastModified,
      digest,
    });
    if (request.expected) {
      if (isProven(entry, request.expected)) return hit('unlisted-hit');
      // What is kept is of another tree: it stays until what is listed now has come, and is not served.
      held.release();
      return this.#fetch(request);
    }
    const revalidated = await this.#revalidate(request, entry);
    if (revalidated === 'unlisted-hit' || revalidated === 'stale') return hit(revalidated);
    held.release();
    return revalidated;
  }

  /** Whether the file was kept from an earlier request. */
  async holds(repository: string, file: string, scope: string): Promise<boolean> {
    const entry = await this.#read(repository, file);
    return entry !== null && entry.scope === scope && this.#blobs.holds(scope, listedOf(entry));
  }

  /** A pointer that cannot be read is as if it were not there, and said. */
  async #read(repository: string, file: string): Promise<UnlistedEntry | null> {
    try {
      return await readEntry(this.#disk, this.#layout, repository, file);
    } catch (error) {
      const path = this.#layout.unlistedEntry(repository, file);
      this.#log.warn({ path, repository, file, error: String(error) }, 'a pointer to an unlisted file cannot be read');
      return null;
    }
  }

  async #find(name: Named): Promise<{ entry: UnlistedEntry; held: HeldBlob } | null> {
    const entry = await this.#read(name.repository, name.file);
    if (entry === null || entry.scope !== name.scope) return null;
    const held = await this.#blobs.open(entry.scope, listedOf(entry));
    return held === null ? null : { entry, held };
  }

  /** @returns the outcome under which the held copy is served, or what is served instead of it. */
  async #revalidate(
    request: UnlistedRequest,
    entry: UnlistedEntry,
  ): Promise<'unlisted-hit' | 'stale' | OpenedUnlisted> {
    // Told that it is gone, a good copy stays: the next generation may know better.
    if ((await this.#fresh(entry)) || this.#toldAbsent(request)) return 'unlisted-hit';
    if (request.supplier === null) return 'stale';
    const asking = this.#ask(request, entry);
    asking.join();
    try {
      // A held copy is not delayed by an upstream that is known to be gone, nor for long by one that hangs.
      const told = request.supplier.up ? await this.#withinBudget(asking) : 'late';
      if (told === 'late') return 'stale';
      if (told === 'confirmed' || told === 'absent') return 'unlisted-hit';
      if (told !== 'unstored') return this.#follow(told, request);
      const transfer = asking.take();
      return transfer === null ? 'stale' : passThrough(transfer, null);
    } finally {
      asking.leave();
    }
  }

  async #fetch(request: UnlistedRequest): Promise<OpenedUnlisted | null> {
    if (this.#toldAbsent(request)) return null;
    const asking = this.#ask(request, null);
    asking.join();
    try {
      const told = await asking.told;
      if (told === 'absent') return null;
      if (typeof told === 'object') return this.#follow(told, request);
      const transfer = asking.take();
      if (transfer !== null) return passThrough(transfer, request.expected);
    } finally {
      asking.leave();
    }
    // Another client had the transfer, or what was confirmed is not held here: asked for this one alone.
    return passThrough(await this.#ownTransfer(request), request.expected);
  }

  /** Asks the upstream, once for all who ask at the same time. */
  #ask(request: UnlistedRequest, entry: UnlistedEntry | null): Asking {
    const key = keyOf(request);
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = new Asking(this.#clock.monotonic(), async (unstored) => {
        try {
          return await this.#askUpstream(request, entry, unstored);
        } finally {
          this.#asking.delete(key);
        }
      });
      this.#asking.set(key, asking);
    }
    return asking;
  }

  async #askUpstream(
    request: UnlistedRequest,
    entry: UnlistedEntry | null,
    unstored: (transfer: Transfer) => void,
  ): Promise<Told> {
    const answer = await askSupplier({ ...request, validators: entry }, this.#clock);
    if (answer === null) {
      if (this.#absent.size > 10_000) this.#absent.clear();
      this.#absent.set(keyOf(request), this.#clock.monotonic() + absentFor);
      return 'absent';
    }
    if (answer.kind === 'not-modified') {
      // Known at once; nobody who is served waits until it is on disk.
      void this.#notes.put(checkedKey(request), this.#clock.now());
      return 'confirmed';
    }
    const fetch = await this.#fetches.begin(request, answer.transfer);
    if (fetch === null) {
      unstored(answer.transfer);
      return 'unstored';
    }
    const key = keyOf(request);
    this.#fetching.set(key, fetch);
    void fetch.stored.then(async (kept) => {
      this.#fetching.delete(key);
      fetch.release();
      if (kept) await this.#notes.put(checkedKey(request), this.#clock.now());
    });
    return fetch;
  }

  async #ownTransfer(request: UnlistedRequest): Promise<Transfer> {
    const answer = await askSupplier({ ...request, validators: null }, this.#clock);
    if (answer?.kind === 'found') return answer.transfer;
    throw new WaystationError('upstream_missing', `${request.file}: the upstream does not have it any more`);
  }

  #follow(fetch: UnlistedFetch, request: UnlistedRequest): OpenedUnlisted {
    const { growing, representation } = fetch;
    const source = new Follower(growing, 0, (sent) => {
      const { expected = null } = request;
      return new Passthrough(this.#ownTransfer(request), { size: growing.size, sent, expected });
    });
    const { contentType, lastModified } = representation;
    return { source, outcome: 'unlisted-miss', contentType, lastModified, digest: null };
  }

  #toldAbsent(request: UnlistedRequest): boolean {
    const until = this.#absent.get(keyOf(request));
    return until !== undefined && this.#clock.monotonic() < until;
  }

  async #fresh(entry: UnlistedEntry): Promise<boolean> {
    const noted = await this.#notes.get(checkedKey(entry));
    const checked = typeof noted === 'number' ? noted : Date.parse(entry.fetched);
    const age = this.#clock.now() - checked;
    return age >= 0 && age < lifetime;
  }

  async #withinBudget(asking: Asking): Promise<Told | 'late'> {
    const left = asking.began + revalidationBudget - this.#clock.monotonic();
    if (left <= 0) return 'late';
    const timer = new AbortController();
    const late = (): 'late' => 'late';
    try {
      return await Promise.race([asking.told.catch(late), this.#clock.sleep(left, timer.signal).then(late, late)]);
    } finally {
      timer.abort();
    }
  }
}

function passThrough(transfer: Transfer, expected: Digest | null = null): OpenedUnlisted {
  const { contentType, lastModified, total } = transfer;
  const source = new Passthrough(transfer, { size: total, expected });
  return { source, outcome: 'bypass', contentType, lastModified, digest: null };
}

interface Named {
  readonly repository: string;
  readonly file: string;
  readonly scope: string;
}

function keyOf({ repository, file, scope }: Named): string {
  return `${scope}\n${repository}\n${file}`;
}

function checkedKey(named: Named): string {
  return `unlisted ${keyOf(named)}`;
}
