import { LoaderAround } from '../base/transfer.ts';
import type { Loader } from '../base/transfer.ts';

/** The same loader, which also tells when its file was received. */
export class TellingLoader extends LoaderAround {
  readonly #told: () => void;

  constructor(inner: Loader, told: () => void) {
    super(inner);
    this.#told = told;
  }

  override received(): void {
    super.received();
    this.#told();
  }
}
