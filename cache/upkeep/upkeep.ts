import type { Digest } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { possessionScope } from '../../base/generation.ts';
import { pinnedFiles, treeFiles } from '../generations/pinned-files.ts';
import { Collector } from './collect.ts';
import type { CollectorOptions } from './collect.ts';
import { Retirement } from './retire.ts';
import type { RetirementOptions } from './retire.ts';

/** Milliseconds from the start to the first round: the first minutes belong to clients and syncs. */
const afterStart = 5 * 60_000;
/** From a flip to the round that it asks for, and from retiring to collecting: requests that are under way end. */
const settle = 60_000;
/** Between two looks at whether a generation has outlived its grace. */
const lookEvery = 60 * 60_000;
/** Between two passes that nothing asked for. */
const collectEvery = 24 * 60 * 60_000;
/** Between any two passes; and a pass rests so many times as long as it took. */
const collectRest = 10 * 60_000;
const restFactor = 20;

export interface UpkeepOptions extends CollectorOptions, RetirementOptions {
  /** Resolves when the index knows every blob, and lost package maps are made again, those that can be. */
  readonly indexed: Promise<void>;
}

/** When generations are retired and garbage is collected: some minutes after the start, after flips, and every day. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #retirement: Retirement;
  readonly #collector: Collector;
  readonly #ending = new AbortController();
  #loop: Promise<void> | null = null;
  /** Aborted by a flip. */
  #wake = new AbortController();
  #wanted = false;
  /** Monotonic; no pass begins earlier. */
  #restsUntil = -Infinity;
  #collected = -Infinity;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#retirement = new Retirement(options);
    this.#collector = new Collector(options);
  }

  begin(): void {
    this.#loop ??= this.#run().catch(() => {});
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#loop;
  }

  /**
   * A generation was published, or made current: what must not be evicted of it is protected when this resolves.
   * @param before what it takes the place of.
   */
  async published(document: GenerationDocument, before: GenerationDocument | null): Promise<void> {
    if (before !== null && before.id !== document.id) this.#retirement.left(before);
    this.#wanted = true;
    this.#wake.abort();
    await this.#protect(document, before);
  }

  /** A generation was pinned: all of it that is held is protected when this resolves. Or it is pinned no longer. */
  async pinned(document: GenerationDocument, pinned: boolean): Promise<void> {
    this.#wanted = true;
    this.#wake.abort();
    if (pinned) await this.#protect(document, null, true);
  }

  /** @param whole all packages that are held, whatever the policy. */
  async #protect(document: GenerationDocument, before: GenerationDocument | null, whole = false): Promise<void> {
    const { marks, maps } = this.#options;
    for (const [path, repository] of Object.entries(document.repositories)) {
      const { scope } = repository;
      const same = before?.repositories[path];
      if (same === repository) continue;
      for (const [, listed] of pinnedFiles(repository))
        marks.protect(possessionScope(scope, path, listed), listed.digest);
      if (whole || this.#options.rules.holds(document.subscription, path, repository) !== 'none') {
        for (const [, digest] of treeFiles(repository)) marks.protect(possessionScope(scope, path, { digest }), digest);
      }
      const name = whole ? repository.map : this.#heldBy(document.subscription, path, repository);
      if (name === null) continue;
      if (same?.scope === scope && this.#heldBy(document.subscription, path, same) === name) continue;
      const map = await maps.get(name).catch(() => null);
      if (map === null) continue;
      try {
        for await (const { listed } of map.entries())
          marks.protect(possessionScope(scope, path, listed), listed.digest);
      } catch {
        // A damaged map: the next pass finds it, and protects everything until it is mended.
      }
    }
  }

  /** The map that lists which packages must not be evicted; null: none is. */
  #heldBy(subscription: string, path: string, repository: RepositoryDocument): Digest | null {
    const holds = this.#options.rules.holds(subscription, path, repository);
    if (repository.map === null || holds === 'none') return null;
    return holds === 'all' ? repository.map : holds.map;
  }

  async #run(): Promise<void> {
    const { indexed, clock, marks } = this.#options;
    const { signal } = this.#ending;
    const began = clock.monotonic();
    await indexed;
    if (signal.aborted) return;
    // Nothing can be evicted before it is known what must not be.
    if (!marks.protectionKnown) await this.#collector.run(signal, false);
    await clock.sleep(Math.max(0, began + afterStart - clock.monotonic()), signal);
    for (;;) {
      await this.#round(signal);
      await this.#untilDue(signal);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if ((await this.#retirement.run(signal)) > 0) this.#wanted = true;
    const now = clock.monotonic();
    if (!this.#wanted && now - this.#collected < collectEvery) return;
    await clock.sleep(Math.max(settle, this.#restsUntil - now), signal);
    this.#wanted = false;
    const began = clock.monotonic();
    await this.#collector.run(signal);
    this.#collected = clock.monotonic();
    this.#restsUntil = this.#collected + Math.max(collectRest, restFactor * (this.#collected - began));
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#wake = new AbortController();
    if (this.#wanted) this.#wake.abort();
    await clock.sleep(lookEvery, AbortSignal.any([signal, this.#wake.signal])).catch(() => {});
    signal.throwIfAborted();
    await clock.sleep(settle, signal);
  }
}
