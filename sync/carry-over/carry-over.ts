import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { Loader } from '../../base/transfer.ts';
import { forEachBounded } from '../../mirror/bounded.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { arrivedBy, tellingArrivals } from '../../mirror/arrivals.ts';
import type { ReadProgress } from '../../mirror/progress.ts';
import { isOutage } from '../backoff.ts';
import type { Notes } from '../store.ts';
import { nothingCarried, withoutPending, withPublished, withSpent } from './changes.ts';
import type { CarryState } from './changes.ts';
import { selectCandidates } from './selection.ts';
import type { Candidate, ChangedRepository, Demanded } from './selection.ts';

/** Packages that are fetched at a time: fewer than a sync has, nobody waits for them. */
const lanes = 4;
/** Files after which it is noted how far it is: what a kill may have counted once more. */
const filesPerNote = 16;

/** The store as carry-over sees it. What comes in by it may be evicted like anything that nobody asked for. */
export interface CarryOverStore {
  /** Newest first. */
  kept(subscription: string): readonly GenerationDocument[];
  packages(map: Digest): AsyncIterable<{ readonly href: string; readonly listed: Listed }>;
  /** Whether this scope has the file, as far as is known in memory. */
  holds(scope: string, digest: Digest): boolean;
  /** Resolves with whether it had to be fetched, once the file is held. @throws WaystationError */
  prefetch(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<boolean>;
  readonly notes: Notes;
}

export interface CarryOverParts {
  readonly subscription: string;
  /** Bytes for each generation. */
  readonly limit: number;
  /** Whether a path has packages that its policy does not fetch anyway. */
  readonly concerns: (path: string) => boolean;
  readonly store: CarryOverStore;
  readonly upstream: (path: string) => WantedRepository | null;
  readonly demand: (path: string) => Promise<readonly Demanded[]>;
  /** Whether a file must not be served: then it is not fetched ahead. */
  readonly denied?: (digest: Digest) => boolean;
  readonly log: Logger;
}

/** A repository whose package map would be another one. */
export interface MapChange {
  readonly path: string;
  readonly before: Digest;
  readonly after: Digest;
}

export type Forecast = (
  subscription: string,
  changes: readonly MapChange[],
) => Promise<{ readonly limit: number; readonly candidates: readonly Candidate[] } | null>;

/** Shows how far it is. */
export interface CarryOverReport {
  readonly progress: ReadProgress;
  failed(path: string, error: ReturnType<typeof asWaystationError>): void;
}

/**
 * Fetches the new versions of what a site asks for, after they were published and before anybody asks. It is in nobody's
 * way: what fails is asked for when a client wants it, and what was begun goes on after a restart.
 */
export class CarryOver {
  readonly #parts: CarryOverParts;
  #state: CarryState | null = null;

  constructor(parts: CarryOverParts) {
    this.#parts = parts;
  }

  /** Whether there is something to carry over. Takes note of what was published. */
  async hasWork(): Promise<boolean> {
    await this.#look();
    for (const { path } of this.#pending()) {
      if ((await this.#parts.demand(path)).length > 0) return true;
    }
    return false;
  }

  /** Carries over all that is pending, generation by generation. @throws the signal's reason; what the disk refuses. */
  async run(report: CarryOverReport, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#look();
      const generation = this.#pending()[0]?.generation;
      if (generation === undefined) return;
      await this.#generation(generation, report, signal);
    }
  }

  /** What a change from what is served to these maps would bring: the forecast of a plan. */
  async forecast(changes: readonly MapChange[]): ReturnType<Forecast> {
    const concerned = changes.filter(({ path, before, after }) => before !== after && this.#parts.concerns(path));
    const changed = concerned.map(({ path, before, after }) => this.#changed(path, before, after));
    const { limit } = this.#parts;
    return { limit, candidates: await this.#select(await Promise.all(changed), limit) };
  }

  async #look(): Promise<void> {
    const { store, subscription } = this.#parts;
    this.#state ??= stateIn(await store.notes.get(key(subscription)));
    const state = withPublished(this.#state, store.kept(subscription));
    // What a policy fetches anyway is not carried over, nor if that changes later.
    const pending = state.pending.filter(({ path }) => this.#parts.concerns(path));
    await this.#keep(pending.length === state.pending.length ? state : { ...state, pending });
  }

  #pending(): CarryState['pending'] {
    return (this.#state ?? nothingCarried).pending;
  }

  async #generation(id: string, report: CarryOverReport, signal: AbortSignal): Promise<void> {
    const { store, subscription, limit } = this.#parts;
    const mine = this.#pending().filter(({ generation }) => generation === id);
    const [newest] = store.kept(subscription);
    const repositories: ChangedRepository[] = [];
    for (const { path, before } of mine) {
      const after = newest?.repositories[path]?.map ?? null;
      if (after !== null && (await this.#isThere(before))) repositories.push(await this.#changed(path, before, after));
    }
    const left = limit - (this.#state?.spent[id] ?? 0);
    const candidates = await this.#select(repositories, left);
    report.progress.expected(
      candidates.length,
      candidates.reduce((sum, { listed }) => sum + listed.size, 0),
    );
    await this.#fetch(id, candidates, report, signal);
    await this.#keep(withoutPending(this.#state ?? nothingCarried, new Set(mine.map(({ path }) => path)), id));
  }

  /** The generation that it is of may have been retired since: then nobody knows what is new. */
  async #isThere(map: Digest): Promise<boolean> {
    try {
      for await (const _ of this.#parts.store.packages(map)) break;
      return true;
    } catch {
      return false;
    }
  }

  /** A map that is damaged says nothing of what is new: then nothing is carried over. */
  async #select(repositories: readonly ChangedRepository[], limit: number): Promise<readonly Candidate[]> {
    try {
      return await selectCandidates(repositories, limit);
    } catch (thrown) {
      const { subscription, log } = this.#parts;
      log.warn(
        { subscription, reason: asWaystationError(thrown).message },
        'nothing is carried over: a package map is lost',
      );
      return [];
    }
  }

  async #changed(path: string, before: Digest, after: Digest): Promise<ChangedRepository> {
    const { store, demand, upstream } = this.#parts;
    const scope = upstream(path)?.scope ?? '';
    return {
      path,
      holds: (listed) => store.holds(possessionScope(scope, path, listed), listed.digest),
      before: () => store.packages(before),
      after: () => store.packages(after),
      demanded: await demand(path),
    };
  }

  async #fetch(
    id: string,
    candidates: readonly Candidate[],
    report: CarryOverReport,
    signal: AbortSignal,
  ): Promise<void> {
    let unnoted = 0;
    try {
      await forEachBounded(candidates, lanes, signal, async (candidate, each) => {
        if (!(await this.#one(candidate, report, each))) return;
        this.#state = withSpent(this.#state ?? nothingCarried, id, candidate.listed.size);
        unnoted += 1;
        if (unnoted % filesPerNote === 0) await this.#note();
      });
    } finally {
      await this.#note();
    }
  }

  /** @returns whether it was fetched. @throws what makes it senseless to go on. */
  async #one({ path, href, listed }: Candidate, report: CarryOverReport, signal: AbortSignal): Promise<boolean> {
    const { upstream, store } = this.#parts;
    const repository = upstream(path);
    if (repository === null || this.#parts.denied?.(listed.digest) === true) return false;
    const scope = possessionScope(repository.scope, path, listed);
    try {
      const { progress } = report;
      const supplied = repository.supplier.loader(href, 'background', listed.digest);
      const loader = tellingArrivals(supplied, listed.size, progress);
      const fetched = await store.prefetch(scope, listed, loader, signal);
      progress.done(listed.size, fetched, arrivedBy(loader));
      return fetched;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      report.failed(`${path}/${href}`, error);
      if (error.source === 'disk' || isOutage(error)) throw error;
      return false;
    }
  }

  async #keep(state: CarryState): Promise<void> {
    if (state === this.#state) return;
    this.#state = state;
    await this.#note();
  }

  async #note(): Promise<void> {
    const { store, subscription } = this.#parts;
    await store.notes.put(key(subscription), this.#state);
  }
}

function stateIn(note: unknown): CarryState {
  const known = typeof note === 'object' && note !== null && 'format' in note && note.format === 1;
  return known ? (note as CarryState) : nothingCarried;
}

function key(subscription: string): string {
  return `carry-over/${subscription}`;
}
