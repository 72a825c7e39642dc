import type { Clock } from '../base/clock.ts';
import type { EventSink } from '../gateway/admin/service-events.ts';
import { runSummary } from '../gateway/admin/service-events.ts';
import type { GenerationDocument } from '../base/generation.ts';
import type { CacheState, RepositoryState } from '../base/status.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { RunObserver, RunRecord } from '../runs/run-record.ts';
import type { SubscriptionSet } from '../sync/subscriptions.ts';

/** Failures of one run that are told one by one. */
const mostFailures = 1_000;
/** Milliseconds between two looks at what tells nobody of its changes. */
const lookEvery = 1_000;
/** Looks between two notes of how far runs are. */
const looksPerNote = 30;

/** What is looked at; all of it is at hand in memory. */
export interface EventWatched {
  /** The runs that are under way. */
  readonly runs: () => readonly RunRecord[];
  readonly repositories: () => readonly {
    readonly subscription: string;
    readonly path: string;
    readonly state: RepositoryState;
    readonly reason: string | null;
  }[];
  readonly cache: () => { readonly state: CacheState; readonly reason: string | null };
  /** Writes down how far runs are: what is known of them after a kill. */
  readonly noteProgress: () => void;
}

/** The parts of a service that are looked at. */
export function watchedParts(parts: {
  readonly subscriptions: Pick<SubscriptionSet, 'active' | 'repositories' | 'noteProgress'>;
  readonly upkeepRuns: Pick<UpkeepRuns, 'active' | 'noteProgress'>;
  readonly space: { readonly state: CacheState; readonly reason: string | null };
}): EventWatched {
  const { subscriptions, upkeepRuns, space } = parts;
  return {
    runs: () => [...subscriptions.active(), ...upkeepRuns.active].filter(({ hasBegun }) => hasBegun),
    repositories: () => subscriptions.repositories(),
    cache: () => space,
    noteProgress: () => {
      subscriptions.noteProgress();
      upkeepRuns.noteProgress();
    },
  };
}

/** Makes events of what happens: what begins and ends is told at once, what changes in between is looked at each second. */
export class EventSources {
  readonly #sink: EventSink;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  readonly #progress = new Map<string, string>();
  #repositories = new Map<string, { subscription: string; path: string; state: RepositoryState }>();
  #cache: CacheState = 'ok';
  #work: Promise<void> | null = null;

  constructor(sink: EventSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** To be given to whatever has runs. */
  readonly runs: RunObserver = {
    begun: (run) => this.#sink.tell({ event: 'run-started', ...this.#about(run) }),
    failed: ({ id, subscription, failures }, failure) => {
      if (failures.count <= mostFailures)
        this.#sink.tell({ event: 'run-failure', at: this.#now(), run: id, subscription, failure });
    },
    ended: (run) => {
      this.#progress.delete(run.id);
      this.#sink.tell({ event: 'run-finished', ...this.#about(run) });
    },
  };

  /** @param current whether it is served. */
  published({ subscription, id }: Pick<GenerationDocument, 'subscription' | 'id'>, current: boolean): void {
    this.#sink.tell({ event: 'generation-published', at: this.#now(), subscription, generation: id, current });
  }

  /** Begins to look; what is so already is no news. */
  begin(watched: EventWatched): void {
    this.#repositories = byPath(watched);
    this.#cache = watched.cache().state;
    this.#work ??= this.#watch(watched);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#work;
  }

  async #watch(watched: EventWatched): Promise<void> {
    const { signal } = this.#ending;
    for (let look = 1; !signal.aborted; look += 1) {
      await this.#clock.sleep(lookEvery, signal).catch(() => {});
      if (signal.aborted) return;
      for (const run of watched.runs()) this.#lookAtRun(run);
      this.#lookAtRepositories(watched);
      this.#lookAtCache(watched.cache());
      if (look % looksPerNote === 0) watched.noteProgress();
    }
  }

  #lookAtRun(run: RunRecord): void {
    if (run.finished) return;
    const event = { event: 'run-progress' as const, ...this.#about(run) };
    const { phases, state, failureCount } = event.run;
    const shown = JSON.stringify([state, failureCount, phases]);
    if (this.#progress.get(run.id) === shown) return;
    this.#progress.set(run.id, shown);
    this.#sink.tell(event);
  }

  #lookAtRepositories(watched: EventWatched): void {
    const before = this.#repositories;
    const now = byPath(watched);
    this.#repositories = now;
    const at = this.#now();
    for (const [key, { subscription, path, state, reason }] of now) {
      const was = before.get(key)?.state ?? null;
      if (was !== state)
        this.#sink.tell({ event: 'repository-state', at, subscription, path, state, before: was, reason });
    }
    for (const [key, { subscription, path, state }] of before) {
      if (now.has(key)) continue;
      this.#sink.tell({ event: 'repository-state', at, subscription, path, state: null, before: state, reason: null });
    }
  }

  #lookAtCache({ state, reason }: ReturnType<EventWatched['cache']>): void {
    if (state === this.#cache) return;
    this.#sink.tell({ event: 'cache-state', at: this.#now(), state, before: this.#cache, reason });
    this.#cache = state;
  }

  #about(run: RunRecord): { readonly at: string; readonly run: ReturnType<typeof runSummary> } {
    return { at: this.#now(), run: runSummary(run.status()) };
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

function byPath({ repositories }: EventWatched): Map<string, ReturnType<EventWatched['repositories']>[number]> {
  return new Map(repositories().map((each) => [`${each.subscription} ${each.path}`, each]));
}
