import type { IncomingMessage, ServerResponse } from 'node:http';
import { cacheStatus } from '../http/cache-status.ts';
import type { Content } from './content/content.ts';
import type { Exchanges } from './content/exchange.ts';
import type { Exchange } from '../web/exchange.ts';
import { refusalOutcome } from '../web/refusal-outcome.ts';

/** An application for what is no content: it answers with a web Response. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/**
 * Everything that comes in on the content listener. The order in which a request meets the parts:
 *
 * 1. the hot lane: a small body at hand for exactly this target, sent without looking anything up;
 * 2. content: decoded path → alias → class → access → pinned metadata → held file, or the one fill of it;
 * 3. the page, `.repo` texts and keys, by hono.
 *
 * Each request is counted and logged once, when its response has closed.
 */
export function contentListener(options: {
  readonly exchanges: Exchanges;
  readonly content: Content;
  readonly pages: PageHandler;
}): (request: IncomingMessage, response: ServerResponse) => void {
  const { exchanges, content, pages } = options;
  return (request, response) => {
    const exchange = exchanges.begin(request, response);
    if (content.serveHot(exchange)) return;
    void content.serve(exchange).then((served) => (served ? undefined : page(exchange, pages)));
  };
}

async function page(exchange: Exchange, pages: PageHandler): Promise<void> {
  const { request, response } = exchange;
  // A refusal brings its own.
  response.setHeader('cache-status', cacheStatus.local);
  response.once('finish', () => {
    const { statusCode } = response;
    exchange.outcome = statusCode >= 400 ? refusalOutcome(statusCode) : 'local';
  });
  await pages(request, response);
}
