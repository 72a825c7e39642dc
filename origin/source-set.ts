import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Answer, Loader, Purpose, Slice, Supplier, Validators } from '../base/transfer.ts';
import type { Client } from './client.ts';
import type { Health } from './health.ts';
import type { Until } from './judgement.ts';
import { SourceLoader } from './loader.ts';
import type { LoaderParts } from './loader.ts';
import { MirrorDirectory } from './mirror-directory.ts';
import type { MirrorDirectorySource } from './mirror-directory.ts';
import { Source } from './source.ts';
import { firstToGive } from './tries.ts';

export interface SourceSetOptions {
  readonly client: Client;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
  /** Base URLs in order of preference; they come before those of the mirror lists. */
  readonly urls: readonly string[];
  /** The repository's metalink and mirrorlist, if it has them. */
  readonly mirrorLists: readonly MirrorDirectorySource[];
  /** In [0, 1), for jitter; default Math.random. */
  readonly random?: () => number;
  /** Milliseconds until the first byte, over all tries of one request; default 9,000 (the client hears in 10 s). */
  readonly startBudget?: number;
}

/** The Supplier of one repository, over all of its URLs. */
export class SourceSet implements Supplier {
  readonly #options: Required<SourceSetOptions>;
  /** What all loaders share. */
  readonly #parts: LoaderParts;
  readonly #configured: readonly Source[];
  readonly #directories: readonly MirrorDirectory[];
  /** The one source that there is, where there will be no other; null: there may be several. Asked for each file of a sync. */
  readonly #only: Source | null;
  /** Sources from mirror lists, by URL: what is known about one outlives the list. */
  readonly #listed = new Map<string, Source>();

  constructor(options: SourceSetOptions) {
    this.#options = { random: Math.random, startBudget: 9000, ...options };
    this.#configured = options.urls.map((url) => this.#source(url));
    this.#directories = options.mirrorLists.map((list) => new MirrorDirectory({ ...options, ...list }));
    const isAlone = this.#directories.length === 0 && this.#configured.length === 1;
    this.#only = isAlone ? (this.#configured[0] ?? null) : null;
    this.#parts = { ...this.#options, sources: (signal) => this.#sources(signal), only: this.#only };
  }

  loader(href: string, purpose: Purpose = 'client'): Loader {
    return this.#loader(href, null, purpose);
  }

  slice(href: string, { end, total }: Slice): Loader {
    return this.#loader(href, { end, total }, 'client');
  }

  async get(href: string, validators: Validators | null, signal: AbortSignal): Promise<Answer> {
    const { clock, random, startBudget, client } = this.#options;
    const began = clock.monotonic();
    const sources = await this.#sources(signal);
    const conditional = validators?.etag === null && validators.lastModified === null ? null : validators;
    const budget = startBudget - (clock.monotonic() - began);
    return firstToGive({ sources, budget, clock, random, signal }, (source, startWithin) =>
      client.get({ url: source.url(href), offset: 0, validators: conditional, startWithin }, signal),
    );
  }

  /**
   * The repomd.xml files that the repository's metalink vouches for now; null when it has no metalink.
   * @throws WaystationError when the metalink cannot be had or read.
   */
  async acceptableRepomd(signal: AbortSignal): Promise<readonly Digest[] | null> {
    const all = await Promise.all(this.#directories.map((directory) => directory.repomdHashes(signal)));
    const vouched = all.filter((hashes) => hashes !== null);
    return vouched.length === 0 ? null : vouched.flat();
  }

  get up(): boolean {
    const sources = [...this.#configured, ...this.#listed.values()];
    return sources.length > 0 ? sources.some(({ up }) => up) : this.#directories.some(({ up }) => up);
  }

  /** @throws WaystationError when there is none: the failure of the mirror list. */
  #sources(signal: AbortSignal): readonly Source[] | Promise<readonly Source[]> {
    return this.#only === null ? this.#ranked(signal) : this.#configured;
  }

  async #ranked(signal: AbortSignal): Promise<readonly Source[]> {
    const sources = [...this.#configured];
    let failure: WaystationError | null = null;
    for (const directory of this.#directories) {
      try {
        // Those who have a URL to ask do not wait for others.
        const urls = this.#configured.length > 0 ? directory.knownUrls() : await directory.urls(signal);
        for (const url of urls) sources.push(this.#fromList(url));
      } catch (error) {
        signal.throwIfAborted();
        failure = asWaystationError(error);
      }
    }
    if (sources.length === 0) throw failure ?? new WaystationError('upstream_unreachable', 'no source to ask');
    return [...new Set(sources)].toSorted((one, other) => one.rank - other.rank);
  }

  #loader(href: string, until: Until | null, purpose: Purpose): Loader {
    return new SourceLoader(this.#parts, { href, until, purpose });
  }

  #fromList(url: string): Source {
    const known = this.#listed.get(url) ?? this.#source(url);
    this.#listed.set(url, known);
    return known;
  }

  #source(url: string): Source {
    const { health, clock } = this.#options;
    return new Source(url, health.of(new URL(url).origin), clock);
  }
}
