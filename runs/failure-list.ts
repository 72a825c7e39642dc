import type { RunFailure } from '../base/status.ts';

/** Failures of one run that are kept by name; those beyond are counted. */
export const mostNamed = 10_000;

/** What failed in a run, in the order in which it did. */
export class FailureList {
  readonly #named: RunFailure[] = [];
  #count = 0;
  #unhealed = 0;

  add(failure: RunFailure): void {
    this.#count += 1;
    if (failure.healed !== true) this.#unhealed += 1;
    if (this.#named.length < mostNamed) this.#named.push(failure);
  }

  /** How many there were, named or not. */
  get count(): number {
    return this.#count;
  }

  /** How many of them are still wrong. */
  get unhealed(): number {
    return this.#unhealed;
  }

  /** The first 10,000. */
  get named(): readonly RunFailure[] {
    return this.#named;
  }

  /** It became known when what lies below this path is tried again. RFC 3339. */
  retriedAt(below: string, nextTry: string): void {
    for (const [index, failure] of this.#named.entries()) {
      if (failure.path.startsWith(`${below}/`)) this.#named[index] = { ...failure, nextTry };
    }
  }
}
