import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { Outcome } from '../../base/outcome.ts';
import { Exchange } from '../../web/exchange.ts';
import type { Pop } from './ports.ts';

/** What a request is for, as metrics name it: a closed set. */
export const routes = [
  'registrations',
  'renewals',
  'assignment',
  'snapshots',
  'blobs',
  'heartbeats',
  'api',
  'none',
] as const;

export type Route = (typeof routes)[number];

/** One line of the access log. */
export interface HubAccess {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly client: string | null;
  /** The name of the PoP that asked, null where it is not known. */
  readonly pop: string | null;
  /** The name of the operator that asked, null where none has shown who he is. */
  readonly operator: string | null;
}

/** One request, and what is known of it so far. */
export class Visit {
  readonly exchange: Exchange;
  route: Route = 'none';
  pop: Pop | null = null;
  /** Name of the operator that asks. */
  operator: string | null = null;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }
}

/** Counts every request once, when it ends, and writes its access line. */
export class Accounts {
  readonly #clock: Clock;
  readonly #log: (access: HubAccess) => void;
  readonly #requests: Counter;
  readonly #bytes: Counter;

  constructor({ clock, meter, log }: { clock: Clock; meter: Meter; log: (access: HubAccess) => void }) {
    this.#clock = clock;
    this.#log = log;
    this.#requests = meter.counter('requests_total', 'Requests by what they are for and status, when they end', [
      'route',
      'code',
    ]);
    this.#bytes = meter.counter('response_bytes_total', 'Body bytes sent, by what they are for', ['route']);
  }

  begin(request: IncomingMessage, response: ServerResponse): Visit {
    const visit = new Visit(new Exchange(request, response, this.#clock.monotonic()));
    response.once('close', () => visit.exchange.whenSettled(() => this.#end(visit)));
    return visit;
  }

  /** The listener refused a request by itself. */
  refused(status: number): void {
    this.#requests.inc({ route: 'none', code: String(status) });
  }

  #end({ exchange, route, pop, operator }: Visit): void {
    const { request, response } = exchange;
    const status = response.headersSent ? response.statusCode : 499;
    const bytes = exchange.bodyBytes();
    this.#requests.inc({ route, code: String(status) });
    if (bytes > 0) this.#bytes.inc({ route }, bytes);
    this.#log({
      method: request.method ?? '',
      path: exchange.target,
      status,
      bytes,
      seconds: (this.#clock.monotonic() - exchange.started) / 1000,
      outcome: exchange.finalOutcome(),
      client: exchange.client,
      pop: pop?.name ?? null,
      operator,
    });
  }
}
