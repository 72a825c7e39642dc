import type { Clock } from '../../base/clock.ts';
import type { Meter } from '../../base/metrics.ts';
import type { Notes } from '../notes.ts';
import { NamesInDemand } from './names-in-demand.ts';
import type { NameInDemand, Use } from './names-in-demand.ts';
import { Prefetched } from './prefetched.ts';

/** Milliseconds from one writing to the next: what a kill loses at most. */
const writeEvery = 5 * 60_000;
/** Repositories that are remembered; more than any site has. */
const mostRepositories = 1_000;

/**
 * Which packages of which repository were really served to clients, by `name.arch`: how often, decaying, and when last.
 * A hit adds one to a number that the answer carries along; everything else happens once in some minutes. It is kept in
 * notes, where it may be lost: then only the order in which packages are fetched is a worse one.
 */
export class Demand {
  /** What was fetched because of it. */
  readonly prefetched: Prefetched;
  readonly #notes: Pick<Notes, 'get' | 'put'>;
  readonly #clock: Clock;
  readonly #repositories = new Map<string, NamesInDemand>();
  readonly #loading = new Map<string, Promise<NamesInDemand>>();
  readonly #closing = new AbortController();
  readonly #writing: Promise<void>;

  constructor(options: { readonly notes: Pick<Notes, 'get' | 'put'>; readonly clock: Clock; readonly meter: Meter }) {
    this.#notes = options.notes;
    this.#clock = options.clock;
    this.prefetched = new Prefetched(options.meter);
    this.#writing = this.#writeAtTimes();
  }

  /**
   * Where uses of a package are counted: to be held by whoever serves it again and again.
   * @param name `name.arch` @returns null: there are too many to remember one more.
   */
  use(repository: string, name: string): Use | null {
    return this.#of(repository)?.use(name) ?? null;
  }

  /** What was served of a repository, newest demand first. */
  async names(repository: string): Promise<readonly NameInDemand[]> {
    if (this.#of(repository) === null) return [];
    const names = await this.#loaded(repository);
    names.settle(this.#clock.now());
    return names.list();
  }

  /** Writes what is new. Never rejects: it may be lost. */
  async write(): Promise<void> {
    for (const [repository, names] of this.#repositories) {
      names.settle(this.#clock.now());
      if (!names.unwritten) continue;
      await this.#loaded(repository);
      await this.#notes.put(key(repository), names.note());
      // Many repositories: others get their turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    await this.write();
  }

  #of(repository: string): NamesInDemand | null {
    const known = this.#repositories.get(repository);
    if (known !== undefined) return known;
    if (this.#repositories.size >= mostRepositories) return null;
    const names = new NamesInDemand();
    this.#repositories.set(repository, names);
    return names;
  }

  /** With what an earlier process knew. */
  #loaded(repository: string): Promise<NamesInDemand> {
    let loading = this.#loading.get(repository);
    if (loading === undefined) {
      const names = this.#repositories.get(repository) ?? new NamesInDemand();
      loading = this.#notes.get(key(repository)).then((note) => {
        names.restore(note);
        return names;
      });
      this.#loading.set(repository, loading);
    }
    return loading;
  }

  async #writeAtTimes(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#clock.sleep(writeEvery, signal).catch(() => {});
      if (!signal.aborted) await this.write();
    }
  }
}

function key(repository: string): string {
  return `demand/${repository}`;
}
