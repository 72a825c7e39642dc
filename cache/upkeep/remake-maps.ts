import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { Generations } from '../generations/generations.ts';
import type { Maps } from '../maps.ts';
import type { CacheSink } from '../sink.ts';
import type { Newest, UpkeepRules } from './rules.ts';

/** A repository, as one of its generations has it. */
export interface MappedRepository {
  readonly path: string;
  readonly document: RepositoryDocument;
  /** What is missing is the map of its newest packages, not its own. */
  readonly newest?: Newest;
}

/** Makes the package map of a repository, or that of its newest packages, from its held metadata. @throws WaystationError why it cannot. */
export type RemakeMap = (
  repository: MappedRepository,
  by: { readonly sink: CacheSink; readonly signal: AbortSignal },
) => Promise<void>;

/** A map that could not be made again is not tried again for so long, milliseconds. */
const retryAfter = 60_000;

/**
 * Makes lost or damaged package maps again from the primaries that are held, in the background and one at a time: so
 * that a repository is served again without its upstream.
 */
export class MapRemaker {
  readonly #maps: Maps;
  readonly #sink: CacheSink;
  readonly #remake: RemakeMap;
  readonly #rules: Pick<UpkeepRules, 'holds'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #wanted = new Set<Digest>();
  readonly #failed = new Map<Digest, number>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: {
    maps: Maps;
    sink: CacheSink;
    remake: RemakeMap;
    rules: Pick<UpkeepRules, 'holds'>;
    clock: Clock;
    log: Logger;
    signal: AbortSignal;
  }) {
    this.#maps = options.maps;
    this.#sink = options.sink;
    this.#remake = options.remake;
    this.#rules = options.rules;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#signal = options.signal;
  }

  /**
   * Looks at the map of every repository, those that are served first, and of what is held of the newest packages: also
   * one that nobody has made yet, since the configuration says it anew. Never rejects.
   */
  async all(generations: Generations): Promise<void> {
    const subscriptions = generations.subscriptions();
    const served = subscriptions.flatMap((subscription) => generations.current(subscription) ?? []);
    const kept = subscriptions.flatMap((subscription) => generations.kept(subscription));
    const seen = new Set<Digest>();
    for (const { repositories } of [...served, ...kept]) {
      for (const [path, document] of Object.entries(repositories)) {
        if (document.map === null || seen.has(document.map)) continue;
        if (this.#signal.aborted) return;
        seen.add(document.map);
        if (!(await this.#maps.isWhole(document.map))) this.want({ path, document });
      }
    }
    for (const { subscription, repositories } of served) {
      for (const [path, document] of Object.entries(repositories)) {
        const newest = this.#rules.holds(subscription, path, document);
        if (typeof newest !== 'object' || this.#signal.aborted) continue;
        if (!(await this.#maps.isWhole(newest.map))) this.want({ path, document, newest });
      }
    }
    await this.idle();
  }

  /** A map was looked for and is not there: it will be, if it can be made. */
  want(repository: MappedRepository): void {
    const map = repository.document.map && (repository.newest?.map ?? repository.document.map);
    if (map === null || this.#wanted.has(map)) return;
    if (this.#clock.monotonic() - (this.#failed.get(map) ?? -Infinity) < retryAfter) return;
    this.#wanted.add(map);
    this.#work = this.#work.then(() => this.#make(repository, map));
  }

  /** Resolves when nothing is left to make. */
  idle(): Promise<void> {
    return this.#work;
  }

  async #make(repository: MappedRepository, map: Digest): Promise<void> {
    const fields = { repository: repository.path, map };
    try {
      this.#signal.throwIfAborted();
      await this.#remake(repository, { sink: this.#sink, signal: this.#signal });
      this.#failed.delete(map);
      if (repository.newest === undefined)
        this.#log.warn(fields, 'a package map was lost or damaged, and made again from the primary that is held');
      else this.#log.info(fields, 'the map of the newest packages is made from the metadata that is held');
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#failed.set(map, this.#clock.monotonic());
      const reason = asWaystationError(error).message;
      this.#log.error({ ...fields, reason }, 'a lost package map cannot be made again before the repository is read');
    } finally {
      this.#wanted.delete(map);
    }
  }
}
