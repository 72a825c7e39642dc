import type { Clock } from '../base/clock.ts';
import { asWaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { FlipInput } from './flip.ts';
import { compose, reusesNames } from './flip.ts';
import { generationDocument, sameRepositories } from './generation-document.ts';
import type { GenerationStore } from './store.ts';

/** Changes that come within this time share a generation. Milliseconds. */
const together = 1_000;
/** How long no repomd.xml of a repository must have been served before its record names change their bytes. */
const quiet = 5_000;
/** But a busy repository does not wait longer than this. */
const longestWait = 60_000;

export interface PublisherOptions {
  readonly subscription: string;
  readonly store: GenerationStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether an id is used by any generation of this PoP. */
  readonly taken: (id: string) => boolean;
  /** What is to be published as things stand, but for what waits. */
  readonly wanted: () => Omit<FlipInput, 'waiting' | 'current'> & { readonly hubVersion: string | null };
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** Turns what was proven into generations: one at a time, none without a change. */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Path → monotonic time when its change was first held back. */
  readonly #waitingSince = new Map<string, number>();
  #soon = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Something was proven: publishes within a second, together with what else is proven until then. */
  changed(): void {
    const { clock, log, signal } = this.#options;
    if (this.#soon) return;
    this.#soon = true;
    const publish = async (): Promise<void> => {
      await clock.sleep(together, signal).finally(() => {
        this.#soon = false;
      });
      await this.#queue(() => this.#publish());
    };
    publish().catch((thrown: unknown) => {
      // The run that proved it settles later, and reports what is still wrong then.
      if (!signal.aborted) log.warn({ reason: asWaystationError(thrown).message }, 'publishing failed');
    });
  }

  /**
   * Publishes everything that can be; resolves when nothing of it waits any more.
   * @throws WaystationError when the store could not take it.
   */
  async settle(): Promise<void> {
    for (;;) {
      const wait = await this.#queue(() => this.#publish());
      if (wait === 0) return;
      await this.#options.clock.sleep(wait, this.#options.signal);
    }
  }

  /** Paths whose proven change waits for clients in the midst of the old one. */
  get waiting(): ReadonlySet<string> {
    return new Set(this.#waitingSince.keys());
  }

  /** Resolves when no generation is being written. Never rejects. */
  async idle(): Promise<void> {
    await this.#work;
  }

  #queue<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#work.then(work);
    this.#work = mine.then(
      () => {},
      () => {},
    );
    return mine;
  }

  /** @returns milliseconds until what was held back may be looked at again; 0 when nothing was. */
  async #publish(): Promise<number> {
    const { subscription, store, clock, log } = this.#options;
    const { hubVersion, ...wanted } = this.#options.wanted();
    // Rolled back, what is served is not what comes next after.
    const current = store.newest(subscription)?.repositories ?? {};
    const { waiting, wait } = this.#heldBack({ ...wanted, current, waiting: new Set() });
    const repositories = compose({ ...wanted, current, waiting });
    if (sameRepositories(repositories, current)) return wait;
    const content = { subscription, hubVersion, repositories, now: clock.now(), taken: this.#options.taken };
    const document = generationDocument(content);
    await store.publish(document);
    const changed = Object.keys(repositories).filter(
      (path) => repositories[path]?.repomd.digest !== current[path]?.repomd.digest,
    );
    log.info(
      { generation: document.id, changed: changed.slice(0, 20), repositories: changed.length },
      store.rolledBackSince(subscription) === null
        ? 'generation published'
        : 'generation published; it waits for a release, the subscription is rolled back',
    );
    return wait;
  }

  #heldBack(input: FlipInput): { waiting: ReadonlySet<string>; wait: number } {
    const now = this.#options.clock.monotonic();
    const next = compose(input);
    const waiting = new Set<string>();
    let wait = 0;
    for (const [path, after] of Object.entries(next)) {
      const before = input.current[path];
      if (before === undefined || !reusesNames(before, after)) {
        this.#waitingSince.delete(path);
        continue;
      }
      const since = this.#waitingSince.get(path) ?? now;
      const served = this.#options.store.repomdServedAt(path) ?? -Infinity;
      const left = Math.min(served + quiet, since + longestWait) - now;
      if (left <= 0) {
        this.#waitingSince.delete(path);
        continue;
      }
      this.#waitingSince.set(path, since);
      waiting.add(path);
      wait = Math.max(wait, left);
    }
    return { waiting, wait };
  }
}
