/** Milliseconds. */
const windowLength = 30_000;
const bucketLength = 1000;

interface Bucket {
  readonly start: number;
  answered: number;
  failed: number;
}

/** How many of the last half minute's tries failed, in buckets of a second. */
export class FailureRate {
  #buckets: Bucket[] = [];

  /** @param now monotonic milliseconds. */
  count(now: number, what: 'answered' | 'failed'): void {
    const start = Math.floor(now / bucketLength) * bucketLength;
    let bucket = this.#buckets.at(-1);
    if (bucket?.start !== start) {
      bucket = { start, answered: 0, failed: 0 };
      this.#buckets = [...this.#buckets.filter((each) => each.start > now - windowLength), bucket];
    }
    bucket[what]++;
  }

  /**
   * Whether the link is as good as gone: at least four failures, and half of all tries. One bad answer in twenty does
   * not get there, nor does a single client's pair of retries (facts: breakers that count to two take upstreams away).
   */
  bad(now: number): boolean {
    const recent = this.#buckets.filter((each) => each.start > now - windowLength);
    const failed = recent.reduce((sum, each) => sum + each.failed, 0);
    const answered = recent.reduce((sum, each) => sum + each.answered, 0);
    return failed >= 4 && failed >= answered;
  }

  forget(): void {
    this.#buckets = [];
  }
}
