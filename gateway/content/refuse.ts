import type { WaystationError } from '../../base/errors.ts';
import type { Outcome } from '../../base/outcome.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { problemOf } from '../../http/problem.ts';
import type { Exchange } from './exchange.ts';

/** The one door from an error to a content answer. */
export function refuse(exchange: Exchange, error: WaystationError, extra: Readonly<Record<string, string>> = {}): void {
  const { request, response } = exchange;
  const { status, headers, body } = problemOf(error, request.url ?? null);
  exchange.outcome = outcomeOf(status);
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

/** The outcome word that belongs to a refusal (contract). */
function outcomeOf(status: number): Outcome {
  if (status === 404) return 'absent';
  if (status === 401 || status === 403 || status === 451) return 'denied';
  if (status === 503 || status === 504) return 'unavailable';
  return status < 500 ? 'invalid' : 'error';
}
