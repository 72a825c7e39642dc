import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Counter, Histogram, Meter } from '../../base/metrics.ts';
import type { Outcome } from '../../base/outcome.ts';
import { Exchange } from '../../web/exchange.ts';

/** One line of the access log; fields as the contract names them. */
export interface AccessRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly client: string | null;
}

/** Where access lines go. */
export type AccessLog = (record: AccessRecord) => void;

/** Counts every content request once, when it ends, and writes its access line: the two can be added up. */
export class Exchanges {
  readonly #clock: Clock;
  readonly #log: AccessLog;
  readonly #requests: Counter;
  readonly #bytes: Counter;
  readonly #seconds: Histogram;
  readonly #firstByte: Histogram;

  constructor(options: { clock: Clock; meter: Meter; log: AccessLog }) {
    const { meter } = options;
    const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];
    this.#clock = options.clock;
    this.#log = options.log;
    this.#requests = meter.counter('requests_total', 'Content requests by outcome and status, counted when they end', [
      'outcome',
      'code',
    ]);
    this.#bytes = meter.counter('response_bytes_total', 'Body bytes sent to clients, by outcome', ['outcome']);
    this.#seconds = meter.histogram('request_seconds', 'Time from request to the end of the answer', buckets);
    this.#firstByte = meter.histogram('first_byte_seconds', 'Time from request to the head of the answer', buckets);
  }

  begin(request: IncomingMessage, response: ServerResponse): Exchange {
    const exchange = new Exchange(request, response, this.#clock.monotonic());
    response.once('close', () => exchange.whenSettled(() => this.#end(exchange)));
    return exchange;
  }

  /** The listener refused a request by itself, before there was one: nothing of it can be believed but that it came. */
  refused(status: number): void {
    this.#requests.inc({ outcome: 'invalid', code: String(status) });
    this.#log({ method: '', path: '', status, bytes: 0, seconds: 0, outcome: 'invalid', client: null });
  }

  /** The head is about to leave. */
  headSent(exchange: Exchange): void {
    this.#firstByte.observe((this.#clock.monotonic() - exchange.started) / 1000);
  }

  #end(exchange: Exchange): void {
    const { request, response } = exchange;
    const outcome = exchange.finalOutcome();
    const code = response.headersSent ? response.statusCode : 499;
    const bytes = exchange.bodyBytes();
    const seconds = (this.#clock.monotonic() - exchange.started) / 1000;
    this.#requests.inc({ outcome, code: String(code) });
    if (bytes > 0) this.#bytes.inc({ outcome }, bytes);
    this.#seconds.observe(seconds);
    this.#log({
      method: request.method ?? '',
      path: exchange.target,
      status: code,
      bytes,
      seconds: Math.round(seconds * 1e6) / 1e6,
      outcome,
      client: exchange.client,
    });
  }
}
