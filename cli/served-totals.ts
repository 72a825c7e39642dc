import type { Outcome } from '../base/outcome.ts';
import type { Heartbeat } from '../protocol/heartbeat.ts';

const fromHere: ReadonlySet<Outcome> = new Set(['hit', 'stale', 'unlisted-hit']);

/** What was served since the start, in sum. */
export class ServedTotals {
  readonly #upstream: () => number;
  #requests = 0;
  #hits = 0;
  #bytes = 0;

  /** @param upstream bytes taken from upstream since the start. */
  constructor(upstream: () => number) {
    this.#upstream = upstream;
  }

  /** Told of each content request, once. */
  count({ outcome, bytes }: { readonly outcome: Outcome; readonly bytes: number }): void {
    this.#requests += 1;
    this.#bytes += bytes;
    if (fromHere.has(outcome)) this.#hits += 1;
  }

  get traffic(): Heartbeat['traffic'] {
    return { requests: this.#requests, hits: this.#hits, bytes: this.#bytes, upstreamBytes: this.#upstream() };
  }
}
