import { LoaderAround } from '../../base/transfer.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';

/** The same loader; what it is told about lies is counted and logged. */
export class LoaderTellingLies extends LoaderAround {
  readonly #told: { readonly lies: Counter; readonly log: Logger };

  constructor(inner: Loader, told: { readonly lies: Counter; readonly log: Logger }) {
    super(inner);
    this.#told = told;
  }

  override lied(transfer: Transfer): void {
    const { lies, log } = this.#told;
    lies.inc({});
    log.warn({ source: transfer.source }, 'an upstream sent bytes that are not what metadata lists');
    this.inner.lied(transfer);
  }
}
