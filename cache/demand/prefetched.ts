import type { Digest, Listed } from '../../base/digest.ts';
import type { Counter, Meter } from '../../base/metrics.ts';

/** Files that are waited for; more are counted as prefetched, and not when they are asked for. */
const mostWaiting = 100_000;

/** Counts what was fetched before anybody asked, and how much of it was asked for later, in this process. */
export class Prefetched {
  /** Nobody has asked for these yet. */
  readonly #waiting = new Map<Digest, number>();
  readonly #bytes: Counter;
  readonly #files: Counter;
  readonly #usedBytes: Counter;
  readonly #usedFiles: Counter;

  constructor(meter: Meter) {
    this.#files = meter.counter('carry_over_files_total', 'Packages that carry-over fetched before anybody asked');
    this.#bytes = meter.counter('carry_over_bytes_total', 'Bytes of these packages');
    this.#usedFiles = meter.counter(
      'carry_over_used_files_total',
      'Of these packages, those that a client asked for later',
    );
    this.#usedBytes = meter.counter(
      'carry_over_used_bytes_total',
      'Bytes of the packages that a client asked for later',
    );
  }

  fetched({ digest, size }: Listed): void {
    this.#files.inc({});
    this.#bytes.inc({}, size);
    if (this.#waiting.size < mostWaiting) this.#waiting.set(digest, size);
  }

  /** A client is given this held file. */
  asked(digest: Digest): void {
    const size = this.#waiting.get(digest);
    if (size === undefined) return;
    this.#waiting.delete(digest);
    this.#usedFiles.inc({});
    this.#usedBytes.inc({}, size);
  }
}
