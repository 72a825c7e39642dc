import type { Digest } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Answer, Loader } from '../../base/transfer.ts';
import type { RepositorySupplier } from '../discovery.ts';

/** The upstream of a repository that has none now: every question is answered with the reason. */
export class RefusingSupplier implements RepositorySupplier {
  /** The hub itself is there. */
  readonly up = true;
  readonly #error: WaystationError;

  constructor(error: WaystationError) {
    this.#error = error;
  }

  loader(): Loader {
    return { open: () => Promise.reject(this.#error), lied: () => {} };
  }

  slice(): Loader {
    return this.loader();
  }

  get(): Promise<Answer> {
    return Promise.reject(this.#error);
  }

  acceptableRepomd(): Promise<readonly Digest[] | null> {
    return Promise.reject(this.#error);
  }
}
