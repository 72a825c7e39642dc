import { WaystationError } from '../base/errors.ts';
import { transferFailure } from './failure.ts';
import type { Connection, Request } from './wire/connection.ts';
import type { Pool } from './wire/pool.ts';
import type { ResponseHead } from './wire/response-head.ts';
import { ownBuffer } from './wire/response-reader.ts';

export interface ExchangeOptions {
  /** See Request. */
  readonly text: string;
  /** Milliseconds between two chunks before the body is given up. */
  readonly idleTimeout: number;
  /** For errors. */
  readonly where: string;
  /** Ends the exchange at any time, with its reason. */
  readonly signal: AbortSignal;
}

/** Who is given a body. */
export interface Consumer {
  /** See Transfer.consume. */
  take(chunk: Buffer): void | Promise<void>;
  /** No more comes. */
  over(): void;
}

/** Bytes. */
const longestDiscard = 64 * 1024;

const nothing = (): void => {};

/** Reads what nobody wants, while it is short. */
class Discarder implements Consumer {
  readonly over = nothing;
  readonly #exchange: Exchange;
  #left = longestDiscard;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  take(chunk: Buffer): void {
    this.#left -= chunk.length;
    if (this.#left < 0) this.#exchange.cancel();
  }
}

/**
 * One request and its response, without redirects or judgement. The response is read until its first body bytes are
 * here, then no further before `consume`, unless it is short.
 */
export class Exchange implements Request {
  readonly text: string;
  readonly idleTimeout: number;
  /** What was answered, once it was. */
  answer: ResponseHead | null = null;
  readonly #where: string;
  readonly #signal: AbortSignal;
  readonly #pool: Pool;
  #connection: Connection | null = null;
  /** Of who waits for the head, then for the first bytes. */
  #waiter: PromiseWithResolvers<void> | null = null;
  /** Of who consumes it. */
  #done: PromiseWithResolvers<void> | null = null;
  #consumer: Consumer | null = null;
  /** Came before it was wanted, or while the consumer was busy. */
  readonly #waiting: Buffer[] = [];
  #started = false;
  /** The consumer has not finished with the last chunk. */
  #busy = false;
  #ended = false;
  #failure: { readonly reason: unknown } | null = null;

  constructor(pool: Pool, { text, idleTimeout, where, signal }: ExchangeOptions) {
    this.text = text;
    this.idleTimeout = idleTimeout;
    this.#where = where;
    this.#signal = signal;
    this.#pool = pool;
    if (signal.aborted) this.#failure = { reason: signal.reason };
    else {
      signal.addEventListener('abort', this);
      pool.send(this);
    }
  }

  /** Resolves when there is an `answer`. Rejects with a WaystationError, or with the signal's reason. */
  answered(): Promise<void> {
    return this.#wait(this.answer !== null);
  }

  /** Resolves when the first bytes of the body are here, or its end when it has none. Rejects as `answered`. */
  started(): void | Promise<void> {
    return this.#started ? undefined : this.#wait(false);
  }

  /** See Transfer. Called once. */
  consume(consumer: Consumer): Promise<void> {
    this.#consumer = consumer;
    this.#done = Promise.withResolvers();
    this.#pump();
    return this.#done.promise;
  }

  /** Reads a body that nobody wants to its end, so that the connection can be used again, if it is short. */
  discard(): void {
    const length = this.answer?.length ?? 0;
    if (length > longestDiscard) this.cancel();
    else this.consume(new Discarder(this)).catch(nothing);
  }

  /** Gives the connection up. */
  cancel(): void {
    this.abort(new WaystationError('cancelled', `${this.#where} is not wanted any more`));
  }

  /** Ends everything now, with this reason: what waits is not delivered. */
  abort(reason: unknown): void {
    const connection = this.#connection;
    this.#waiting.length = 0;
    this.#ended = false;
    this.#pool.forget(this);
    this.#fail(reason);
    connection?.cut();
  }

  /** The signal was aborted. */
  handleEvent(): void {
    this.abort(this.#signal.reason);
  }

  sent(connection: Connection): void {
    this.#connection = connection;
  }

  head(head: ResponseHead): void {
    this.answer = head;
    this.#wake();
  }

  chunk(chunk: Buffer): void {
    if (this.#failure !== null) return;
    if (!this.#started) {
      this.#started = true;
      this.#wake();
    }
    if (this.#consumer !== null && !this.#busy && this.#waiting.length === 0) this.#deliver(this.#consumer, chunk);
    else this.#queue(chunk);
    if (this.#busy || (this.#waiting.length > 0 && !this.#short)) this.#connection?.pause();
  }

  end(): void {
    this.#connection = null;
    this.#ended = true;
    this.#started = true;
    this.#wake();
    this.#pump();
  }

  failed(error: unknown): void {
    this.#connection = null;
    this.#fail(transferFailure(error, this.answer === null ? 'head' : 'body', this.#where));
  }

  /** It takes no more room when it is read to its end. */
  get #short(): boolean {
    return this.#consumer === null && (this.answer?.length ?? Infinity) <= ownBuffer;
  }

  #wait(over: boolean): Promise<void> {
    if (over) return Promise.resolve();
    this.#waiter = Promise.withResolvers();
    if (this.#failure !== null) this.#waiter.reject(this.#failure.reason);
    return this.#waiter.promise;
  }

  #wake(): void {
    this.#waiter?.resolve();
    this.#waiter = null;
  }

  /** Chunks that follow each other in memory become one. */
  #queue(chunk: Buffer): void {
    const last = this.#waiting.at(-1);
    if (last?.buffer === chunk.buffer && last.byteOffset + last.length === chunk.byteOffset) {
      this.#waiting[this.#waiting.length - 1] = Buffer.from(chunk.buffer, last.byteOffset, last.length + chunk.length);
    } else this.#waiting.push(chunk);
  }

  #deliver(consumer: Consumer, chunk: Buffer): void {
    let pending: void | Promise<void>;
    try {
      pending = consumer.take(chunk);
    } catch (error) {
      this.abort(error);
      return;
    }
    if (pending === undefined) return;
    this.#busy = true;
    pending.then(
      () => {
        this.#busy = false;
        this.#pump();
      },
      (error: unknown) => {
        this.#busy = false;
        this.abort(error);
      },
    );
  }

  /** Hands over what waits; then ends, or lets the connection be read again. */
  #pump(): void {
    while (this.#consumer !== null && !this.#busy) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#deliver(this.#consumer, chunk);
    }
    if (this.#consumer === null) return;
    if (this.#busy) this.#connection?.pause();
    else if (this.#waiting.length > 0) return;
    else if (this.#failure !== null) this.#settle();
    else if (this.#ended) this.#settle();
    else this.#connection?.resume();
  }

  /** What came before the failure is still delivered: the next try goes on behind it. */
  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#waiter?.reject(this.#failure.reason);
    this.#waiter = null;
    if (this.#consumer === null) this.#release();
    else this.#pump();
  }

  #settle(): void {
    this.#release();
    const consumer = this.#consumer;
    this.#consumer = null;
    consumer?.over();
    if (this.#failure === null) this.#done?.resolve();
    else this.#done?.reject(this.#failure.reason);
  }

  #release(): void {
    this.#signal.removeEventListener('abort', this);
    this.#connection = null;
  }
}
