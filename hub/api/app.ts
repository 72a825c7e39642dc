import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { problemOf } from '../../http/problem.ts';
import type { Actor } from '../audit/audit.ts';
import { operatorRoles } from '../operators/operators.ts';
import type { Shown } from '../operators/operator-callers.ts';
import type { Operator, OperatorRole } from '../operators/operators.ts';
import { contentOperations } from './content-operations.ts';
import type { HubControl } from './control.ts';
import { fleetOperations } from './fleet-operations.ts';
import type { Operation } from './operation.ts';
import * as schemas from './schemas.ts';
import { snapshotOperations } from './snapshot-operations.ts';
import { tokenOperations } from './token-operations.ts';

/** Everything that the API can do: paths, roles and documents come from here alone. */
export const operations: readonly Operation[] = [
  ...contentOperations,
  ...snapshotOperations,
  ...fleetOperations,
  ...tokenOperations,
];

/** Where the API describes itself. */
const documentPath = '/openapi.json';

/** What its document begins with. */
export const documentFrame = {
  openapi: '3.1.0',
  info: {
    title: 'waystation hub',
    version: '1',
    description: 'What operators see of a hub, and do to it. Errors are application/problem+json (docs/errors.md).',
  },
};

/** Bytes of a body: assignments are the longest. */
const mostBytes = 1024 * 1024;
/** Milliseconds that may pass until there is an answer: gates take their time. Those who ask wait for ten minutes. */
const longestAnswer = 11 * 60_000;

export interface HubApiPorts {
  /** What can be done to the hub on somebody's behalf. */
  readonly control: (who: Actor) => Promise<HubControl>;
  /** Who sends a request. @throws WaystationError `unauthorized` */
  readonly identify: (shown: Shown) => Promise<Operator>;
  /**
   * Who comes in without a token, where the way in says it: members of a group, by a socket. null: nobody does.
   */
  readonly trusted: Actor | null;
  readonly log: Logger;
}

interface Environment {
  readonly Variables: { readonly who: Actor; readonly role: OperatorRole };
  readonly Bindings: { readonly incoming?: IncomingMessage; readonly outgoing?: Pick<ServerResponse, 'setTimeout'> };
}

/** The API of operators, below `/api/v1`. Answers are never cached. */
export function hubApi(ports: HubApiPorts): OpenAPIHono<Environment> {
  const app = new OpenAPIHono<Environment>({
    defaultHook: (result) => {
      if (!result.success) throw new WaystationError('bad_request', badRequest(result.error.issues[0]));
    },
  }).basePath('/api/v1');
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('Cache-Control', 'no-store');
    context.res.headers.set('X-Content-Type-Options', 'nosniff');
  });
  app.use(identified(ports));
  app.use(async (context, next) => {
    if (context.req.header('Transfer-Encoding') === undefined) return next();
    throw new WaystationError('bad_request', 'the body must come with a Content-Length');
  });
  app.use(bodyLimit({ maxSize: mostBytes, onError: tooLarge }));
  app.openAPIRegistry.registerComponent('securitySchemes', 'operator', { type: 'http', scheme: 'bearer' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'certificate', { type: 'mutualTLS' });
  for (const own of operations) {
    const handler = async (context: Context<Environment>): Promise<Response> => {
      const valid = (part: 'param' | 'query' | 'json'): Record<string, unknown> => context.req.valid(part as never);
      const hub = await ports.control(context.get('who'));
      const body = own.body === null ? {} : valid('json');
      return context.json((await own.run(hub, { params: valid('param'), query: valid('query'), body })) as object);
    };
    app.openapi(routeOf(own), handler as never);
  }
  app.get(documentPath, (context) => context.json(app.getOpenAPI31Document(documentFrame)));
  for (const [path, methods] of Map.groupBy(operations, ({ path: each }) => each))
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), (context) => {
      const allow = methods.map(({ method }) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
      const error = new WaystationError('method_not_allowed', `${context.req.method} is not possible here`);
      return problem(context, error, { allow });
    });
  app.notFound((context) => problem(context, new WaystationError('not_found', `nothing at ${context.req.path}`)));
  app.onError((thrown, context) => {
    const isBody = thrown instanceof HTTPException && thrown.status < 500;
    const error = isBody ? new WaystationError('bad_request', thrown.message) : asWaystationError(thrown);
    if (error.code === 'internal') ports.log.error({ err: thrown, path: context.req.path }, 'an API request failed');
    return problem(context, error);
  });
  return app;
}

/** Who asks, before anything else is looked at. */
function identified({ identify, trusted }: HubApiPorts): MiddlewareHandler<Environment> {
  return async (context, next) => {
    const token = /^Bearer +(\S+)$/i.exec(context.req.header('Authorization') ?? '')?.[1] ?? null;
    if (token === null && trusted !== null) {
      context.set('who', trusted);
      context.set('role', 'admin');
    } else {
      const request = context.env?.incoming ?? null;
      const { id, name, role } = await identify({ token, request });
      context.set('who', { kind: 'operator', name, id, from: request?.socket.remoteAddress ?? null });
      context.set('role', role);
    }
    // Longer than a listener has patience with connections on which nothing happens.
    context.env?.outgoing?.setTimeout(longestAnswer);
    await next();
  };
}

/** Whether he may, before what he asks is looked at. */
function withRole(role: OperatorRole): MiddlewareHandler<Environment> {
  return async (context, next) => {
    const own = context.get('role');
    if (operatorRoles.indexOf(own) < operatorRoles.indexOf(role))
      throw new WaystationError('denied', `that takes the role ${role}, and you have ${own}`);
    await next();
  };
}

function routeOf({ id, role, method, path, summary, params, query, body, answer }: Operation) {
  const json = (schema: typeof answer): object => ({ 'application/json': { schema } });
  return createRoute({
    method,
    path,
    middleware: [withRole(role)],
    operationId: id,
    summary,
    description: `Role: ${role}`,
    security: [{ operator: [] }, { certificate: [] }],
    request: {
      params,
      query,
      ...(body === null ? {} : { body: { content: { 'application/json': { schema: body } }, required: true } }),
    },
    responses: {
      200: { description: 'Done', content: json(answer) },
      default: {
        description: 'Why not',
        content: { 'application/problem+json': { schema: schemas.problem } },
      },
    },
  });
}

function badRequest(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): string {
  return `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not as it should be'}`;
}

function tooLarge(context: Context): Response {
  return problem(context, new WaystationError('body_too_large', `the body may have ${mostBytes} bytes at most`));
}

function problem(context: Context, error: WaystationError, extra: Record<string, string> = {}): Response {
  const { status, headers, body } = problemOf(error, context.req.path);
  return new Response(body, { status, headers: { ...headers, ...extra } });
}
