import type { WaystationError } from '../base/errors.ts';
import { cacheStatus } from '../http/cache-status.ts';
import { problemOf } from '../http/problem.ts';
import { refusalOutcome } from './refusal-outcome.ts';
import type { Exchange } from './exchange.ts';

/** The one door from an error to the answer of a request that is counted. */
export function refuse(exchange: Exchange, error: WaystationError, extra: Readonly<Record<string, string>> = {}): void {
  const { request, response } = exchange;
  const { status, headers, body } = problemOf(error, exchange.target);
  exchange.outcome = refusalOutcome(status);
  const length = Buffer.byteLength(body);
  exchange.ended(request.method === 'HEAD' ? 0 : length, false);
  response.writeHead(status, {
    ...headers,
    ...extra,
    'cache-status': cacheStatus[exchange.outcome],
    'content-length': String(length),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
