import { LoaderAround } from '../base/transfer.ts';
import type { Loader, Transfer } from '../base/transfer.ts';

/** The same loader, which also tells when a transfer has ended, well or not: what is left then is the disk's work. */
export class TellingLoader extends LoaderAround {
  readonly #ended: () => void;

  constructor(inner: Loader, ended: () => void) {
    super(inner);
    this.#ended = ended;
  }

  override async open(offset: number, signal: AbortSignal): Promise<Transfer> {
    return new Told(await this.inner.open(offset, signal), this.#ended);
  }

  override lied(transfer: Transfer): void {
    this.inner.lied(transfer instanceof Told ? transfer.original : transfer);
  }
}

class Told implements Transfer {
  readonly original: Transfer;
  readonly #ended: () => void;

  constructor(original: Transfer, ended: () => void) {
    this.original = original;
    this.#ended = ended;
  }

  get source(): string {
    return this.original.source;
  }

  get total(): number | null {
    return this.original.total;
  }

  get contentType(): string | null {
    return this.original.contentType;
  }

  get etag(): string | null {
    return this.original.etag;
  }

  get lastModified(): string | null {
    return this.original.lastModified;
  }

  get offset(): number {
    return this.original.offset;
  }

  consume(sink: Parameters<Transfer['consume']>[0]): Promise<void> {
    return this.original.consume(sink).finally(this.#ended);
  }

  cancel(): void {
    this.original.cancel();
    this.#ended();
  }
}
