import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from './client.ts';
import type { Health } from './health.ts';
import { readWhole } from './read-whole.ts';

/** What a mirrorlist or metalink says. */
export interface Mirrors {
  /** Base URLs of the repository, best first. */
  readonly urls: readonly string[];
  /** The repomd.xml files that a metalink vouches for; null: a mirrorlist, which vouches for nothing. */
  readonly repomdHashes: readonly Digest[] | null;
}

/** Where a list of mirrors is, and how it is read. */
export interface MirrorDirectorySource {
  readonly url: string;
  /** @throws WaystationError `mirror_list_invalid` */
  readonly parse: (bytes: Buffer) => Mirrors;
}

export interface MirrorDirectoryOptions extends MirrorDirectorySource {
  readonly client: Client;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds. Mirrors change slowly; what a metalink vouches for changes with the repository. */
const mirrorsGoodFor = 3_600_000;
const hashesFreshFor = 30_000;
const betweenFailures = 2000;
const transferWithin = 20_000;
const startWithin = 4000;
/** Bytes; the longest known metalinks have 100 KB. */
const largest = 4 * 1024 * 1024;

interface Known {
  readonly mirrors: Mirrors;
  readonly at: number;
}

/** A mirrorlist or metalink, fetched when first needed; the last good one is kept in memory. */
export class MirrorDirectory {
  readonly #options: MirrorDirectoryOptions;
  #known: Known | null = null;
  #failed: { readonly error: WaystationError; readonly at: number } | null = null;
  #refreshing: Promise<Known> | null = null;

  constructor(options: MirrorDirectoryOptions) {
    this.#options = options;
  }

  /** False while its own server cannot be reached. */
  get up(): boolean {
    return this.#options.health.of(new URL(this.#options.url).origin).up;
  }

  /** The mirrors if they are known; else they are asked for in the background. */
  knownUrls(): readonly string[] {
    this.urls(new AbortController().signal).catch(() => {});
    return this.#known?.mirrors.urls ?? [];
  }

  /**
   * The mirrors, never waiting for a list when an older one is known.
   * @throws WaystationError when none was ever had.
   */
  async urls(signal: AbortSignal): Promise<readonly string[]> {
    const known = this.#known;
    if (known === null) return (await this.#refreshed(signal)).mirrors.urls;
    if (this.#age(known) > mirrorsGoodFor) this.#refreshed(signal).catch(() => {});
    return known.mirrors.urls;
  }

  /**
   * What the metalink vouches for now: asked anew when that was more than 30 s ago. When it cannot be had, the last one
   * holds for an hour.
   * @throws WaystationError when there is none of that age.
   */
  async repomdHashes(signal: AbortSignal): Promise<readonly Digest[] | null> {
    const known = this.#known;
    if (known !== null && this.#age(known) < hashesFreshFor) return known.mirrors.repomdHashes;
    try {
      return (await this.#refreshed(signal)).mirrors.repomdHashes;
    } catch (error) {
      signal.throwIfAborted();
      if (known !== null && this.#age(known) < mirrorsGoodFor) return known.mirrors.repomdHashes;
      throw error;
    }
  }

  #age(known: Known): number {
    return this.#options.clock.monotonic() - known.at;
  }

  /** All who need it wait for one fetch, which none of them can end. */
  async #refreshed(signal: AbortSignal): Promise<Known> {
    if (this.#failed !== null && this.#options.clock.monotonic() - this.#failed.at < betweenFailures) {
      throw this.#failed.error;
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return orAborted(this.#refreshing, signal);
  }

  async #refresh(): Promise<Known> {
    const { client, clock, health, log, parse } = this.#options;
    const url = new URL(this.#options.url);
    try {
      const refusal = health.of(url.origin).refusal();
      if (refusal !== null) throw refusal;
      const answer = await client.get(
        { url, offset: 0, validators: null, startWithin },
        AbortSignal.timeout(transferWithin),
      );
      if (answer.kind !== 'found') throw new WaystationError('upstream_lied', 'answers 304 unasked');
      const { source } = answer.transfer;
      const mirrors = usable(parse(await readWhole(answer.transfer, largest)), source);
      log.debug({ url: source, mirrors: mirrors.urls.length }, 'mirrors read');
      this.#failed = null;
      this.#known = { mirrors, at: clock.monotonic() };
      return this.#known;
    } catch (thrown) {
      const error = asWaystationError(
        thrown instanceof DOMException
          ? new WaystationError('upstream_timeout', 'the list of mirrors takes too long')
          : thrown,
      );
      this.#failed = { error, at: clock.monotonic() };
      throw error;
    }
  }
}

function usable(mirrors: Mirrors, source: string): Mirrors {
  const urls = mirrors.urls.filter((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''));
  if (urls.length === 0) throw new WaystationError('mirror_list_invalid', `${source} names no mirror that speaks HTTP`);
  return { ...mirrors, urls };
}

async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
