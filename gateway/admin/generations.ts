import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { AdminPorts } from './ports.ts';
import { changesAllowed } from './syncs.ts';

/**
 * `POST /api/v1/generations/{generation}/pin` and `/unpin`, the body empty or `{}`: 200 with what is so now. A generation
 * is an id, the beginning of one, or `@DATE`. Only where changes are allowed.
 */
export async function setPinned(context: Context, ports: AdminPorts, pinned: boolean): Promise<Response> {
  changesAllowed(ports);
  return context.json(await ports.generations.setPinned(context.req.param('generation') ?? '', pinned));
}

/** `POST /api/v1/subscriptions/{name}/rollback` with `{}` for the one before, or `{"generation": GENERATION}`: 200. */
export async function rollBack(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const asked = generationIn(await context.req.json<unknown>().catch(() => undefined));
  if (asked === undefined)
    throw new WaystationError('bad_request', 'the body must be {} or {"generation": "GENERATION"}');
  return context.json(await ports.generations.rollback(context.req.param('name') ?? '', asked));
}

/** `POST /api/v1/subscriptions/{name}/release`: 200. */
export async function release(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  return context.json(await ports.generations.release(context.req.param('name') ?? ''));
}

/** `GET /api/v1/diff?from=GENERATION&to=GENERATION`, with `path=REPOSITORY` for one repository only. */
export async function diff(context: Context, { generations }: Pick<AdminPorts, 'generations'>): Promise<Response> {
  const { from, to, path } = context.req.query();
  if (from === undefined || to === undefined)
    throw new WaystationError('bad_request', 'from and to must each name a generation');
  return context.json(await generations.diff(from, to, path ?? null));
}

/** undefined: the body is none of those asked for. */
function generationIn(body: unknown): string | null | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const { generation = null, ...others } = body as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0) return undefined;
  return generation === null || typeof generation === 'string' ? generation : undefined;
}
