import type { Transfer } from '../base/transfer.ts';
import type { Consumer, Exchange } from './exchange.ts';
import type { Passage } from './traffic.ts';

type Sink = Parameters<Transfer['consume']>[0];

/** What is known of a body before it is read. */
export interface BodyStart {
  readonly passage: Passage;
  readonly signal: AbortSignal;
  /** The URL, fit for logs. */
  readonly where: string;
  /** Position in the file of the first byte that is wanted. */
  readonly offset: number;
  /** Bytes of the file. */
  readonly total: number | null;
  /** Bytes to drop first: they were had before. */
  readonly skip: number;
}

/** The body of an exchange, which pays for what it brings and tells its passage of the end. */
export class UpstreamTransfer implements Transfer, Consumer {
  readonly source: string;
  readonly total: number | null;
  readonly contentType: string | null;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly offset: number;
  readonly #exchange: Exchange;
  readonly #passage: Passage;
  readonly #signal: AbortSignal;
  #skip: number;
  #sink: Sink | null = null;

  constructor(exchange: Exchange, { passage, signal, where, offset, total, skip }: BodyStart) {
    const headers = exchange.answer?.headers;
    this.source = where;
    this.total = total;
    this.contentType = headers?.['content-type'] ?? null;
    this.etag = headers?.etag ?? null;
    this.lastModified = headers?.['last-modified'] ?? null;
    this.offset = offset;
    this.#exchange = exchange;
    this.#passage = passage;
    this.#signal = signal;
    this.#skip = skip;
  }

  consume(sink: Sink): Promise<void> {
    this.#sink = sink;
    return this.#exchange.consume(this);
  }

  cancel(): void {
    this.#exchange.cancel();
    this.#passage.leave();
  }

  /** The origin is read again when the sink has the chunk and it is paid for, whichever comes later. */
  take(chunk: Buffer): void | Promise<void> {
    const taken = this.#skip === 0 ? this.#sink?.(chunk) : this.#rest(chunk);
    const paid = this.#passage.pay(chunk.length, this.#signal);
    if (paid === undefined) return taken;
    return taken === undefined ? paid : Promise.all([taken, paid]).then(() => {});
  }

  over(): void {
    this.#sink = null;
    this.#passage.transferred();
  }

  #rest(chunk: Buffer): void | Promise<void> {
    const dropped = Math.min(this.#skip, chunk.length);
    this.#skip -= dropped;
    return dropped === chunk.length ? undefined : this.#sink?.(chunk.subarray(dropped));
  }
}
