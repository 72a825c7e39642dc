import type { Digest, Listed } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { ErrorCode, WaystationError } from '../base/errors.ts';
import { possessionScope } from '../base/generation.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import { arrivedBy, tellingArrivals } from './arrivals.ts';
import type { WantedRepository } from './discovery.ts';
import { inFetchOrder } from './fetch-order.ts';
import type { FetchRank, MapPackage } from './fetch-order.ts';
import type { PackageProgress } from './progress.ts';
import { namedBySecurity } from './security-files.ts';
import type { Sink } from './sink.ts';
import { TellingLoader } from './telling.ts';
import { Unsettled } from './unsettled.ts';
import { Upcoming } from './upcoming.ts';

/** Packages of one repository that are begun at a time at least: one that a client takes over leaves its slot to the next. */
const leastLanes = 8;
/** Packages that were received and wait for the disk, which syncs many at once. */
const mostUnsettled = 1024;
const mostUnsettledBytes = 64 * 1024 * 1024;
/** So many failures of the link in a row mean that the rest will fail too. */
const outageAfter = 16;

export interface PackagesRequest {
  readonly repository: WantedRepository;
  /** What was proven of it. */
  readonly document: RepositoryDocument;
  /** The map that lists what is wanted: the document's own, or a part of it. */
  readonly map: Digest;
  /** Told of each package, also of those that cannot be had. */
  readonly progress: PackageProgress;
}

/** Tells of a repository which of its packages are versions of what this site has served, by the names of their files. */
export type ServedBefore = (path: string) => Promise<(href: string) => boolean>;

/** Whether a hub wants a file not to be served: then it is not fetched ahead. */
export type Denied = (digest: Digest) => boolean;

export const nothingDenied: Denied = () => false;

/** A hub serves no hosts. */
const nothingServed: ServedBefore = async () => () => false;

export interface PackageFetcherParts {
  readonly sink: Sink;
  readonly log: Logger;
  /** Slots that a hub has: so many packages of one repository are fetched at a time. */
  readonly slots: number;
  readonly servedBefore?: ServedBefore;
  readonly denied?: Denied;
}

/** A package that is not held after all, and why. */
export interface MissingPackage {
  readonly href: string;
  readonly error: WaystationError;
}

export interface PackagesResult {
  /** The first that could not be had; null: all are held. */
  readonly first: MissingPackage | null;
  readonly missingCount: number;
}

const linkFailures: ReadonlySet<ErrorCode> = new Set([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_breaker_open',
]);

/**
 * Brings the packages of a map into the sink: those that security advisories name, then versions of
 * what was served here before, then the others, small before large.
 * What is held already costs one look.
 */
export class PackageFetcher {
  readonly #parts: Required<PackageFetcherParts>;

  constructor(parts: PackageFetcherParts) {
    this.#parts = { servedBefore: nothingServed, denied: nothingDenied, ...parts };
  }

  /**
   * Goes through all of them: one that cannot be had does not stop the others. What was fetched stays, so that the
   * next call goes on with what is missing.
   * @throws WaystationError when it makes no sense to go on: the link is down, or the disk takes no more; the signal's
   * reason.
   */
  async fetch(request: PackagesRequest, signal: AbortSignal): Promise<PackagesResult> {
    const { map, document, repository } = request;
    const { sink, log, slots, denied } = this.#parts;
    const summary = await sink.map(map);
    if (summary === null || summary.packages === 0) return { first: null, missingCount: 0 };
    request.progress.expected(summary.packages, summary.bytes);
    const of = { sink, path: repository.path, document, log };
    const urgent = await namedBySecurity(of, signal);
    const before = await this.#parts.servedBefore(repository.path);
    const rank = (href: string): FetchRank => (urgent(href) ? 0 : before(href) ? 1 : 2);
    const packages = new Upcoming(inFetchOrder(() => sink.packageBlocks(map), rank));
    // A signal of its own: one that follows several is slow to ask, and each package asks some times.
    const stop = new AbortController();
    const follow = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', follow, { once: true });
    if (signal.aborted) follow();
    const work = new Work({ sink, denied }, request, stop.signal);
    const lanes = Array.from({ length: Math.max(slots, leastLanes) }, () => work.lane(packages));
    const ended = await Promise.allSettled(lanes);
    await work.settled();
    signal.removeEventListener('abort', follow);
    signal.throwIfAborted();
    for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
    if (work.ended !== null) throw work.ended;
    return { first: work.first, missingCount: work.missingCount };
  }
}

/** One pass over the packages of a repository, by several lanes. */
class Work {
  readonly #sink: Sink;
  readonly #denied: Denied;
  readonly #request: PackagesRequest;
  readonly #signal: AbortSignal;
  first: MissingPackage | null = null;
  missingCount = 0;
  #linkFailures = 0;
  /** Why it makes no sense to go on. */
  ended: WaystationError | null = null;
  readonly #unsettled = new Unsettled({ files: mostUnsettled, bytes: mostUnsettledBytes });

  constructor(
    { sink, denied }: { readonly sink: Sink; readonly denied: Denied },
    request: PackagesRequest,
    signal: AbortSignal,
  ) {
    this.#sink = sink;
    this.#denied = denied;
    this.#request = request;
    this.#signal = signal;
  }

  async lane(packages: Upcoming<MapPackage>): Promise<void> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.ended !== null) throw this.ended;
      const next = packages.take();
      if (next === null) {
        if (!(await packages.more())) return;
        continue;
      }
      const done = this.#one(next.href, next.listed);
      if (done !== undefined) await done;
    }
  }

  /** Resolves when everything that was fetched is held. */
  settled(): Promise<void> {
    return this.#unsettled.end();
  }

  #one(href: string, listed: Listed): void | Promise<void> {
    const { repository, document, progress } = this.#request;
    if (this.#denied(listed.digest)) return progress.done(listed.size, false);
    const scope = possessionScope(document.scope, repository.path, listed);
    const held = this.#sink.holds(scope, listed);
    if (held === true) return progress.done(listed.size, false);
    const room = this.#unsettled.room();
    return held === false && room === undefined
      ? this.#bring(href, scope, listed)
      : this.#bringLater(href, scope, listed, held);
  }

  async #bringLater(href: string, scope: string, listed: Listed, held: boolean | Promise<boolean>): Promise<void> {
    try {
      if (await held) return this.#request.progress.done(listed.size, false);
    } catch (thrown) {
      return this.#failed(href, asWaystationError(thrown));
    }
    await this.#unsettled.room();
    await this.#bring(href, scope, listed);
  }

  /** Resolves when the bytes are in a file: that it gets its name, durably, is waited for by many together. */
  #bring(href: string, scope: string, listed: Listed): Promise<void> {
    const { repository, progress } = this.#request;
    this.#unsettled.add(listed.size);
    return new Promise((received) => {
      const supplied = repository.supplier.loader(href, 'background', listed.digest);
      const own = tellingArrivals(supplied, listed.size, progress);
      const loader = new TellingLoader(own, received);
      this.#sink.ensure(scope, listed, loader, this.#signal).then(
        () => {
          this.#linkFailures = 0;
          progress.done(listed.size, true, arrivedBy(own));
          this.#unsettled.settled(listed.size);
          received();
        },
        (thrown: unknown) => {
          if (!this.#signal.aborted) this.#failed(href, asWaystationError(thrown));
          this.#unsettled.settled(listed.size);
          received();
        },
      );
    });
  }

  #failed(href: string, error: WaystationError): void {
    this.missingCount += 1;
    this.first ??= { href, error };
    this.#request.progress.failed(href, error);
    if (linkFailures.has(error.code)) this.#linkFailures += 1;
    if (error.source === 'disk' || this.#linkFailures >= outageAfter) this.ended ??= error;
  }
}
