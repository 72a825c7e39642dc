import { cacheStatus } from '../../http/cache-status.ts';
import type { Exchange } from '../../web/exchange.ts';

/** Answers with a text that this server made: a listing, or a .repo file. */
export function sendText(exchange: Exchange, body: string, headers: Readonly<Record<string, string>>): void {
  const { request, response } = exchange;
  const length = Buffer.byteLength(body);
  const head = request.method === 'HEAD';
  exchange.outcome = 'local';
  exchange.ended(head ? 0 : length, false);
  const own = { 'content-length': String(length), 'cache-control': 'no-cache', 'cache-status': cacheStatus.local };
  response.writeHead(200, { 'x-content-type-options': 'nosniff', ...headers, ...own });
  response.end(head ? undefined : body);
}
