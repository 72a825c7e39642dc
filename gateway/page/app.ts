import { Hono } from 'hono';
import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { mediaType } from '../../http/media-types.ts';
import { problemOf } from '../../http/problem.ts';
import { refusalOutcome } from '../../web/refusal-outcome.ts';
import type { Catalog, CatalogSubscription } from './catalog.ts';
import { commonHeaders, type Page } from './document.ts';
import { homePage } from './home.ts';
import { repoText } from './repo-text.ts';

export interface PagePorts {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the content listener has besides content: `/`, `/repo-files/…` and `/keys/…`. Everything else is 404. */
export function pageApp({ catalog, clock, logger }: PagePorts): Hono {
  const app = new Hono({ strict: true });
  app.use(async (context, next) => {
    const { method } = context.req;
    if (method === 'GET' || method === 'HEAD') return next();
    throw new WaystationError('method_not_allowed', `${method} is not possible here`);
  });
  app.get('/', async () => answer(await homePage(catalog, clock.now())));
  app.get('/repo-files/:file', (context) => {
    const name = /^(.+)\.repo$/.exec(context.req.param('file'))?.[1];
    const body = repoText(subscriptionOf(catalog, name), catalog.publicUrl);
    return answer({ headers: { ...commonHeaders, 'content-type': mediaType('.repo') }, body });
  });
  app.get('/keys/:subscription/:file', (context) => {
    const { keys } = subscriptionOf(catalog, context.req.param('subscription'));
    const number = /^([1-9]\d{0,5})\.asc$/.exec(context.req.param('file'))?.[1];
    const body = number === undefined ? undefined : keys[Number(number) - 1];
    if (body === undefined) throw new WaystationError('not_found', 'no such key');
    return answer({ headers: { ...commonHeaders, 'content-type': 'application/pgp-keys' }, body });
  });
  app.notFound((context) => refusal(new WaystationError('not_found', 'nothing is here'), context.req.path));
  app.onError((thrown, context) => {
    const error = asWaystationError(thrown);
    if (error.code === 'internal') logger.error({ err: thrown, path: context.req.path }, 'page request failed');
    return refusal(error, context.req.path);
  });
  return app;
}

function subscriptionOf(catalog: Catalog, name: string | undefined): CatalogSubscription {
  const found = catalog.subscriptions().find((subscription) => subscription.name === name);
  if (!found) throw new WaystationError('not_found', 'no such subscription');
  return found;
}

/** With its length, which hono would leave out of the answer to HEAD. */
function answer({ headers, body }: Page): Response {
  return new Response(body, { headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } });
}

function refusal(error: WaystationError, path: string): Response {
  const { status, headers, body } = problemOf(error, path);
  const cache = cacheStatus[refusalOutcome(status)];
  return new Response(body, { status, headers: { ...headers, 'cache-status': cache } });
}
