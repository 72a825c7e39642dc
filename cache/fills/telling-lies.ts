import type { PlainEnd, PlainRequest } from '../../base/plain-get.ts';
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

  override plain(): PlainRequest | null {
    const plain = this.inner.plain?.() ?? null;
    if (plain === null) return null;
    const ended = (end: PlainEnd): void => {
      if (end.failure === 'wrong') this.#tell(plain.place.host);
      plain.ended(end);
    };
    return { place: plain.place, target: plain.target, ended };
  }

  override lied(transfer: Transfer): void {
    this.#tell(transfer.source);
    this.inner.lied(transfer);
  }

  #tell(source: string): void {
    const { lies, log } = this.#told;
    lies.inc({});
    log.warn({ source }, 'an upstream sent bytes that are not what metadata lists');
  }
}
