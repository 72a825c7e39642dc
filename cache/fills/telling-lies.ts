import type { PlainEnd, PlainPlace, PlainRequest } from '../../base/plain-get.ts';
import { LoaderAround } from '../../base/transfer.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';

/** Who is told of lies. */
interface Told {
  readonly lies: Counter;
  readonly log: Logger;
}

/** The same loader; what it is told about lies is counted and logged. */
export class LoaderTellingLies extends LoaderAround {
  readonly #told: Told;

  constructor(inner: Loader, told: Told) {
    super(inner);
    this.#told = told;
  }

  override plain(): PlainRequest | null {
    const plain = this.inner.plain?.() ?? null;
    return plain === null ? null : new TellingPlain(plain, this.#told);
  }

  override lied(transfer: Transfer): void {
    tell(transfer.source, this.#told);
    this.inner.lied(transfer);
  }
}

class TellingPlain implements PlainRequest {
  readonly #inner: PlainRequest;
  readonly #told: Told;

  constructor(inner: PlainRequest, told: Told) {
    this.#inner = inner;
    this.#told = told;
  }

  get place(): PlainPlace {
    return this.#inner.place;
  }

  get target(): string {
    return this.#inner.target;
  }

  get source(): string {
    return this.#inner.source;
  }

  ended(end: PlainEnd): void {
    if (end.failure === 'wrong') tell(this.source, this.#told);
    this.#inner.ended(end);
  }
}

function tell(source: string, { lies, log }: Told): void {
  lies.inc({});
  log.warn({ source }, 'an upstream sent bytes that are not what metadata lists');
}
