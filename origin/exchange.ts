import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { WaystationError } from '../base/errors.ts';
import type { Route } from './connections.ts';
import { transferFailure } from './failure.ts';

/** Names in lower case. */
export type ResponseHeaders = IncomingHttpHeaders;

export interface Head {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

export interface ExchangeOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds between two chunks before the body is given up. */
  readonly idleTimeout: number;
  /** For errors. */
  readonly where: string;
  /** Ends the exchange at any time, with its reason. */
  readonly signal: AbortSignal;
}

/** Bytes. */
const longestDiscard = 64 * 1024;

const nothing = (): void => {};

type Sink = (chunk: Buffer) => void | Promise<void>;

/**
 * One request and its response, without redirects or judgement. The response is read until its first body bytes are
 * here, then no further before `consume`. undici's own request() makes a stream of the body; handing the chunks over
 * as they come costs a tenth less.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with a WaystationError, or with the signal's reason. */
  readonly head: Promise<Head>;
  /** Resolves when the first bytes of the body are here, or its end when it has none. Rejects like `head`. */
  readonly started: Promise<void>;
  readonly #options: ExchangeOptions;
  readonly #head = Promise.withResolvers<Head>();
  readonly #started = Promise.withResolvers<void>();
  /** Of who consumes it. */
  #done: PromiseWithResolvers<void> | null = null;
  readonly #onAbort = (): void => this.abort(this.#options.signal.reason);
  #controller: Dispatcher.DispatchController | null = null;
  #answered = false;
  /** Bytes that the body still lacks, as Content-Length has it; null: unknown. */
  #missing: number | null = null;
  #sink: Sink | null = null;
  #waiting: Buffer[] = [];
  /** The sink has not finished with the last chunk. */
  #busy = false;
  #ended = false;
  #failure: { readonly reason: unknown } | null = null;

  /** @param route its headers are among those of the options. */
  constructor(route: Route, options: ExchangeOptions) {
    this.#options = options;
    this.head = this.#head.promise;
    this.started = this.#started.promise;
    // Whoever waits for one of them hears of the failure; nobody has to wait for both.
    this.head.catch(nothing);
    this.started.catch(nothing);
    if (options.signal.aborted) {
      this.#fail(options.signal.reason);
      return;
    }
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    const { origin, path, dispatcher } = route;
    const { headers } = options;
    try {
      dispatcher.dispatch({ origin, path, method: 'GET', headers, bodyTimeout: options.idleTimeout }, this);
    } catch (error) {
      // A header value that is none, for one.
      this.#fail(transferFailure(error, 'head', options.where));
    }
  }

  /** See Transfer. Called once. */
  consume(sink: Sink): Promise<void> {
    this.#sink = sink;
    this.#done = Promise.withResolvers();
    this.#pump();
    return this.#done.promise;
  }

  /** Reads a body that nobody wants to its end, so that the connection can be used again, if it is short. */
  discard(): void {
    let left = longestDiscard;
    this.consume((chunk) => {
      left -= chunk.length;
      if (left < 0) this.cancel();
    }).catch(() => {});
  }

  /** Gives the connection up. */
  cancel(): void {
    this.abort(new WaystationError('cancelled', `${this.#options.where} is not wanted any more`));
  }

  /** Ends everything now, with this reason: what waits is not delivered. */
  abort(reason: unknown): void {
    const controller = this.#controller;
    this.#waiting = [];
    this.#ended = false;
    this.#fail(reason);
    controller?.abort(asError(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== null) controller.abort(asError(this.#failure.reason));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.#answered = true;
    this.#missing = contentLength(headers);
    this.#head.resolve({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // After each pause undici's parser reports an empty piece. To pause again for that would go round for ever.
    if (this.#failure !== null || chunk.length === 0) return;
    if (this.#missing !== null) this.#missing -= chunk.length;
    this.#started.resolve();
    if (this.#sink !== null && !this.#busy && this.#waiting.length === 0) this.#deliver(this.#sink, chunk);
    else this.#waiting.push(chunk);
    // What was under way when the pause began may still come: it queues.
    if (this.#busy || this.#waiting.length > 0) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#started.resolve();
    this.#pump();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // A peer that closes right behind the last byte: the body is whole all the same (RFC 9112 §6.3).
    if (this.#answered && this.#missing === 0) return this.onResponseEnd();
    this.#fail(transferFailure(error, this.#answered ? 'body' : 'head', this.#options.where));
  }

  #deliver(sink: Sink, chunk: Buffer): void {
    let pending: void | Promise<void>;
    try {
      pending = sink(chunk);
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
    while (this.#sink !== null && !this.#busy) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#deliver(this.#sink, chunk);
    }
    if (this.#sink === null || this.#busy || this.#waiting.length > 0) return;
    if (this.#failure !== null) this.#settle(() => this.#done?.reject(this.#failure?.reason));
    else if (this.#ended) this.#settle(() => this.#done?.resolve());
    else if (this.#controller?.paused === true) this.#controller.resume();
  }

  /** What came before the failure is still delivered: the next try goes on behind it. */
  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#head.reject(reason);
    this.#started.reject(reason);
    if (this.#sink === null) this.#settle(nothing);
    else this.#pump();
  }

  #settle(settle: () => void): void {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    // Who stores the bytes keeps this until they are on the disk: undici's request, and the head, are of no use by then.
    this.#controller = null;
    settle();
  }
}

/** Content-Length of a body; null when there is none or it is not a number. */
export function contentLength(headers: ResponseHeaders): number | null {
  const text = headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
