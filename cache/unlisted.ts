import type { ByteSource } from '../base/body.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Answer, Representation, Supplier, Transfer } from '../base/transfer.ts';
import type { BlobStore } from './blob-store.ts';
import { Passthrough } from './bypass.ts';
import type { Disk } from './disk.ts';
import { Follower } from './follower.ts';
import type { Layout } from './layout.ts';
import type { Notes } from './notes.ts';
import { listedOf, readEntry } from './unlisted-entry.ts';
import type { UnlistedEntry } from './unlisted-entry.ts';
import type { UnlistedFetch as Fetch, UnlistedFetches } from './unlisted-fetch.ts';

/** How long an unlisted file is served without asking whether it changed. */
const lifetime = 5 * 60_000;
/** How long its upstream's 404 is believed. */
const absentFor = 60_000;
/** What a client waits for an upstream that may only confirm what is held. */
const revalidationBudget = 1_000;

export interface UnlistedRequest {
  readonly repository: string;
  readonly file: string;
  readonly scope: string;
  /** null: nobody to ask (an orphaned repository). */
  readonly supplier: Supplier | null;
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
  readonly #revalidating = new Map<string, Promise<'confirmed' | 'absent' | Fetch | Transfer>>();
  readonly #fetching = new Map<string, Fetch>();
  readonly #absent = new Map<string, number>();

  constructor(options: {
    disk: Disk;
    layout: Layout;
    blobs: BlobStore;
    fetches: UnlistedFetches;
    notes: Notes;
    clock: Clock;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#fetches = options.fetches;
    this.#notes = options.notes;
    this.#clock = options.clock;
  }

  /**
   * @returns null when the upstream says that there is no such file.
   * @throws WaystationError when it was never seen and cannot be had now.
   */
  async open(request: UnlistedRequest): Promise<OpenedUnlisted | null> {
    const key = `${request.repository}\n${request.file}`;
    const fetching = this.#fetching.get(key);
    if (fetching !== undefined) return follow(fetching);
    const entry = await readEntry(this.#disk, this.#layout, request.repository, request.file);
    const held =
      entry === null || entry.scope !== request.scope ? null : await this.#blobs.open(entry.scope, listedOf(entry));
    if (entry === null || held === null) return this.#fetch(key, request);
    const hit = (outcome: 'unlisted-hit' | 'stale'): OpenedUnlisted => ({
      source: held,
      outcome,
      contentType: entry.contentType,
      lastModified: entry.lastModified,
      digest: entry.digest,
    });
    if (await this.#fresh(key, entry)) return hit('unlisted-hit');
    // A held copy is not delayed by an upstream that is known to be gone, nor for long by one that hangs.
    if (request.supplier === null || !request.supplier.up) {
      if (request.supplier !== null) void this.#ask(key, request, entry).then(discard, () => {});
      return hit('stale');
    }
    const asked = this.#ask(key, request, entry);
    const answer = await this.#withinBudget(asked);
    if (answer === 'late') {
      void asked.then(discard, () => {});
      return hit('stale');
    }
    // Told that it is gone, a good copy stays: the next generation may know better.
    if (answer === 'confirmed' || answer === 'absent') return hit('unlisted-hit');
    held.release();
    return 'growing' in answer ? follow(answer) : passThrough(answer);
  }

  /** Whether the file was kept from an earlier request. */
  async holds(repository: string, file: string, scope: string): Promise<boolean> {
    const entry = await readEntry(this.#disk, this.#layout, repository, file);
    return entry !== null && entry.scope === scope && this.#blobs.holds(scope, listedOf(entry));
  }

  async #fetch(key: string, request: UnlistedRequest): Promise<OpenedUnlisted | null> {
    const until = this.#absent.get(key);
    if (until !== undefined && this.#clock.monotonic() < until) return null;
    if (request.supplier === null)
      throw new WaystationError('upstream_unreachable', 'no upstream is known for this repository');
    const answer = await this.#ask(key, request, null);
    if (answer === 'absent' || answer === 'confirmed') return null;
    return 'growing' in answer ? follow(answer) : passThrough(answer);
  }

  /** Asks the upstream, once for all who ask at the same time. */
  #ask(
    key: string,
    request: UnlistedRequest,
    entry: UnlistedEntry | null,
  ): Promise<'confirmed' | 'absent' | Fetch | Transfer> {
    let asked = this.#revalidating.get(key);
    if (asked === undefined) {
      asked = this.#askUpstream(key, request, entry).finally(() => this.#revalidating.delete(key));
      this.#revalidating.set(key, asked);
    } else if (entry === null) {
      // A transfer that is not stored belongs to one client: the others ask for themselves.
      return asked.then((answer) =>
        typeof answer === 'object' && !('growing' in answer) ? this.#askUpstream(key, request, null) : answer,
      );
    }
    return asked;
  }

  async #askUpstream(
    key: string,
    request: UnlistedRequest,
    entry: UnlistedEntry | null,
  ): Promise<'confirmed' | 'absent' | Fetch | Transfer> {
    const { supplier, file } = request;
    if (supplier === null)
      throw new WaystationError('upstream_unreachable', 'no upstream is known for this repository');
    let answer: Answer;
    try {
      answer = await supplier.get(file, entry, AbortSignal.timeout(9_000));
    } catch (error) {
      const failure = asWaystationError(error);
      if (failure.code !== 'upstream_missing') throw failure;
      if (this.#absent.size > 10_000) this.#absent.clear();
      this.#absent.set(key, this.#clock.monotonic() + absentFor);
      return 'absent';
    }
    if (answer.kind === 'not-modified') {
      await this.#notes.put(checkedKey(key), this.#clock.now());
      return 'confirmed';
    }
    if (looksLikePortal(file, answer.transfer)) {
      answer.transfer.cancel();
      throw new WaystationError('upstream_lied', `${answer.transfer.source} answered with an HTML page`);
    }
    return this.#store(key, request, answer.transfer);
  }

  /** Begins to store what arrives; gives the transfer back when that cannot be. */
  async #store(key: string, request: UnlistedRequest, transfer: Transfer): Promise<Fetch | Transfer> {
    const fetch = await this.#fetches.begin(request, transfer);
    if (fetch === null) return transfer;
    this.#fetching.set(key, fetch);
    void fetch.stored.then((kept) => {
      this.#fetching.delete(key);
      if (kept) void this.#notes.put(checkedKey(key), this.#clock.now());
    });
    return fetch;
  }

  async #fresh(key: string, entry: UnlistedEntry): Promise<boolean> {
    const noted = await this.#notes.get(checkedKey(key));
    const checked = typeof noted === 'number' ? noted : Date.parse(entry.fetched);
    const age = this.#clock.now() - checked;
    return age >= 0 && age < lifetime;
  }

  async #withinBudget<T>(asked: Promise<T>): Promise<T | 'late'> {
    const timer = new AbortController();
    const late = this.#clock.sleep(revalidationBudget, timer.signal).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    const answer = await Promise.race([asked.catch(() => 'late' as const), late]);
    timer.abort();
    return answer;
  }
}

/** An answer that came too late for anybody: a transfer that is not stored is given up. */
function discard(answer: 'confirmed' | 'absent' | Fetch | Transfer): void {
  if (typeof answer === 'object' && !('growing' in answer)) answer.cancel();
}

function follow(fetch: Fetch): OpenedUnlisted {
  const source = new Follower(fetch.growing, 0, () => {
    throw new WaystationError('disk_failing', 'the disk failed under an unlisted file');
  });
  const { contentType, lastModified } = fetch.representation;
  return { source, outcome: 'unlisted-miss', contentType, lastModified, digest: null };
}

function passThrough(transfer: Transfer): OpenedUnlisted {
  const { contentType, lastModified } = transfer;
  return { source: new Passthrough(transfer), outcome: 'bypass', contentType, lastModified, digest: null };
}

/** A captive portal answers everything with its page: no yum repository does that for a file that is not HTML. */
function looksLikePortal(file: string, representation: Representation): boolean {
  return (representation.contentType ?? '').startsWith('text/html') && !/\.(?:html?|xhtml)$/i.test(file);
}

function checkedKey(key: string): string {
  return `unlisted ${key}`;
}
