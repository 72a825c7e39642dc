import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import { eventStream } from './events.ts';
import { diff, release, rollBack, setPinned } from './generations.ts';
import { startImport } from './imports.ts';
import { startPlan } from './plans.ts';
import type { AdminPorts } from './ports.ts';
import { problem } from './problem.ts';
import { readinessDocument, statusDocument } from './status.ts';
import { beginReadyCheck, fetchMissing, readyAnswer, readyCounts } from './ready.ts';
import { cancelSync, listFailures, listSyncs, showSync, startSync, waitForSync } from './syncs.ts';
import { startVerification } from './verifications.ts';

const mostBodyBytes = 64 * 1024;
/** A host's list of packages may come with it. */
const mostListBytes = 8 * 1024 * 1024;
const listPath = '/api/v1/ready';

type Handler = (context: Context) => Response | Promise<Response>;

/**
 * Health, metrics, status and what changes things, for the admin listener and for the socket (one application each:
 * they differ in `allowed`). Answers are never cached and never framed.
 */
export function adminApp(ports: AdminPorts): Hono {
  const app = new Hono({ strict: true });
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value);
  });
  // It has no body; and the limit below cannot look at one of a length that is not said.
  app.delete(oneSync, (context) => cancelSync(context, ports));
  app.use(async (context, next) => {
    if (context.req.header('Transfer-Encoding') === undefined) return next();
    return problem(context, new WaystationError('bad_request', 'the body must come with a Content-Length'));
  });
  const [small, large] = [mostBodyBytes, mostListBytes].map((maxSize) =>
    bodyLimit({ maxSize, onError: (context) => problem(context, tooLarge(maxSize)) }),
  );
  app.use(async (context, next) => (context.req.path === listPath ? large : small)?.(context, next));
  for (const [path, handler] of Object.entries(reads(ports))) app.get(path, handler);
  for (const [path, handler] of Object.entries(changes(ports))) app.post(path, handler);
  for (const path of Object.keys(reads(ports)))
    app.all(path, (context) => notAllowed(context, ['GET, HEAD', ...(alsoChanges[path] ?? [])].join(', ')));
  for (const path of Object.keys(changes(ports))) app.all(path, (context) => notAllowed(context, 'POST'));
  app.notFound((context) => problem(context, new WaystationError('not_found', `nothing at ${context.req.path}`)));
  app.onError((thrown, context) => {
    const error = asWaystationError(thrown);
    const left = context.req.raw.signal.aborted;
    if (error.code === 'internal' && !left)
      ports.logger.error({ err: thrown, path: context.req.path }, 'admin request failed');
    return problem(context, error);
  });
  return app;
}

const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

function reads(ports: AdminPorts): Record<string, Handler> {
  return {
    '/healthz/live': (context) => context.json({ status: 'live' }),
    '/healthz/ready': (context) => {
      const document = readinessDocument(ports);
      return context.json(document, document.ready ? 200 : 503);
    },
    '/metrics': async (context) => {
      const { body, contentType } = await ports.metrics.render();
      return context.body(body, 200, { 'Content-Type': contentType });
    },
    '/api/v1/status': async (context) => context.json(await statusDocument(ports)),
    '/api/v1/generations': async (context) =>
      context.json({ generations: await ports.subscriptions.generations(context.req.query('subscription')) }),
    '/api/v1/syncs': (context) => listSyncs(context, ports),
    '/api/v1/syncs/:id': (context) => showSync(context, ports, context.req.param('id') ?? ''),
    '/api/v1/syncs/:id/failures': (context) => listFailures(context, ports, context.req.param('id') ?? ''),
    '/api/v1/syncs/:id/wait': (context) => waitForSync(context, ports, context.req.param('id') ?? ''),
    '/api/v1/explain': async (context) => context.json(await ports.explainer.explain(pathAsked(context))),
    '/api/v1/diff': (context) => diff(context, ports),
    '/api/v1/ready': (context) => readyCounts(context, ports),
    '/api/v1/ready/:id': (context) => readyAnswer(context, ports),
    '/api/v1/events': (context) => eventStream(context, ports),
  };
}

function changes(ports: AdminPorts): Record<string, Handler> {
  return {
    '/api/v1/syncs': (context) => startSync(context, ports),
    '/api/v1/syncs/:id/cancel': (context) => cancelSync(context, ports),
    '/api/v1/plans': (context) => startPlan(context, ports),
    '/api/v1/imports': (context) => startImport(context, ports),
    '/api/v1/verifications': (context) => startVerification(context, ports),
    '/api/v1/ready': (context) => beginReadyCheck(context, ports),
    '/api/v1/ready/:id/fetch': (context) => fetchMissing(context, ports),
    '/api/v1/generations/:generation/pin': (context) => setPinned(context, ports, true),
    '/api/v1/generations/:generation/unpin': (context) => setPinned(context, ports, false),
    '/api/v1/subscriptions/:name/rollback': (context) => rollBack(context, ports),
    '/api/v1/subscriptions/:name/release': (context) => release(context, ports),
  };
}

function pathAsked(context: Context): string {
  const path = context.req.query('path');
  if (path?.startsWith('/')) return path;
  throw new WaystationError('bad_request', 'path must be the absolute path of a request, such as /content/edge/base/');
}

const oneSync = '/api/v1/syncs/:id';
const alsoChanges: Readonly<Record<string, readonly string[]>> = {
  '/api/v1/syncs': ['POST'],
  '/api/v1/ready': ['POST'],
  [oneSync]: ['DELETE'],
};

function notAllowed(context: Context, allow: string): Response {
  const error = new WaystationError('method_not_allowed', `${context.req.method} is not possible here`);
  return problem(context, error, { allow });
}

function tooLarge(most: number): WaystationError {
  return new WaystationError('bad_request', `the body is larger than ${most} bytes`);
}
