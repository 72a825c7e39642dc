import type { Clock } from '../../base/clock.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { Generations } from '../generations/generations.ts';
import type { Keep, UpkeepRules } from './rules.ts';

export interface RetirementOptions {
  readonly generations: Generations;
  readonly rules: UpkeepRules;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  /** The kept documents are others now. */
  readonly retired: () => void;
}

/**
 * Removes the documents of generations that need not be kept: neither current nor pinned, not among the newest, and
 * superseded for longer than the grace. What only they referred to is garbage from then on.
 */
export class Retirement {
  readonly #options: RetirementOptions;
  readonly #count: Counter;
  /** Generation → monotonic time at which another one took its place: right whatever the wall clock says. */
  readonly #left = new Map<string, number>();
  #said: string | null = null;

  constructor(options: RetirementOptions) {
    this.#options = options;
    this.#count = options.meter.counter('retired_generations_total', 'Generations that were removed');
  }

  /** A generation is not the current one any more. */
  left({ id }: GenerationDocument): void {
    this.#left.set(id, this.#options.clock.monotonic());
  }

  /** @returns how many went. Never rejects for what the disk does: that is logged, and tried again the next time. */
  async run(signal: AbortSignal): Promise<number> {
    const { rules, generations } = this.#options;
    let count = 0;
    for (const keep of rules.keeps()) {
      const { subscription } = keep;
      // What cannot be read may be the one that counts.
      if (generations.unreadable.some((one) => one.subscription === null || one.subscription === subscription))
        continue;
      for (const document of this.#due(keep)) {
        if (signal.aborted) return count;
        const gone = await this.#retire(document, keep);
        if (gone === null) return count;
        if (gone) count += 1;
      }
    }
    return count;
  }

  /** The oldest first: whatever happens in between, the newer ones are there. */
  #due(keep: Keep): readonly GenerationDocument[] {
    const { generations, rules } = this.#options;
    const kept = generations.kept(keep.subscription);
    const current = generations.current(keep.subscription);
    const old = kept.filter((document, place) => {
      const successor = kept[place - 1];
      if (place < keep.generations || successor === undefined || document === current) return false;
      return this.#outlived(document, successor, keep.grace);
    });
    return rules.clock.confirmed ? old.toReversed() : [];
  }

  #outlived(document: GenerationDocument, successor: GenerationDocument, grace: number): boolean {
    const { clock, generations } = this.#options;
    const { id } = document;
    const now = clock.now();
    const told = generations.leftAt(id);
    const leftAt = told === null ? 0 : Date.parse(told);
    // Written by a clock that was ahead: it counts from when that is seen.
    if (leftAt > now && !this.#left.has(id)) this.left(document);
    const left = this.#left.get(id);
    if (left !== undefined && clock.monotonic() - left <= grace) return false;
    return now - Date.parse(successor.created) > grace && (leftAt > now || now - leftAt > grace);
  }

  /** @returns null when nothing more can be retired now. */
  async #retire(document: GenerationDocument, keep: Keep): Promise<boolean | null> {
    const { generations, log, retired } = this.#options;
    const { subscription, id: generation } = document;
    try {
      // Time goes by until it is its turn, and the clock may have jumped.
      const gone = await generations.retire(document, () => this.#due(keep).includes(document));
      this.#said = null;
      if (!gone) return false;
    } catch (thrown) {
      const { message } = asWaystationError(thrown);
      if (this.#said !== message) log.error({ error: message }, 'no generation can be retired');
      this.#said = message;
      return null;
    }
    retired();
    this.#left.delete(generation);
    this.#count.inc({});
    log.info({ subscription, generation, created: document.created }, 'generation retired');
    return true;
  }
}
