import { Hono } from 'hono';
import type { Context } from 'hono';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import { problemOf } from '../../http/problem.ts';
import type { HubAdminPorts } from './ports.ts';
import { hubReadiness, hubStatus } from './status.ts';

/** Health, metrics and status of a hub. Answers are never cached and never framed. */
export function hubAdminApp(ports: HubAdminPorts): Hono {
  const app = new Hono({ strict: true });
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('Cache-Control', 'no-store');
    context.res.headers.set('X-Content-Type-Options', 'nosniff');
  });
  app.get('/healthz/live', (context) => context.json({ status: 'live' }));
  app.get('/healthz/ready', async (context) => {
    const document = await hubReadiness(ports);
    return context.json(document, document.ready ? 200 : 503);
  });
  app.get('/metrics', async (context) => {
    const { body, contentType } = await ports.metrics.render();
    return context.body(body, 200, { 'Content-Type': contentType });
  });
  app.get('/api/v1/status', async (context) => context.json(await hubStatus(ports)));
  for (const path of ['/healthz/live', '/healthz/ready', '/metrics', '/api/v1/status'])
    app.all(path, (context) => problem(context, new WaystationError('method_not_allowed', 'only GET and HEAD')));
  app.notFound((context) => problem(context, new WaystationError('not_found', `nothing at ${context.req.path}`)));
  app.onError((thrown, context) => {
    const error = asWaystationError(thrown);
    if (error.code === 'internal') ports.log.error({ err: thrown, path: context.req.path }, 'admin request failed');
    return problem(context, error);
  });
  return app;
}

function problem(context: Context, error: WaystationError): Response {
  const { status, headers, body } = problemOf(error, context.req.path);
  return new Response(body, { status, headers });
}
