import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { AdminPorts } from './ports.ts';
import { changesAllowed } from './syncs.ts';

/**
 * `POST /api/v1/verifications` with `{}`, `{"subscription": NAME}` or `{"path": PATH}`, the path as clients name it below
 * /content/: 202 `{"id"}` of a run at `/api/v1/syncs/{id}`. Only where changes are allowed.
 */
export async function startVerification(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const target = targetIn(await context.req.json<unknown>().catch(() => null));
  if (target === null)
    throw new WaystationError('bad_request', 'the body must be {}, {"subscription": "NAME"} or {"path": "PATH"}');
  const id = await ports.verifications.start(target);
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

function targetIn(body: unknown): { subscription?: string; path?: string } | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const [entry, ...more] = Object.entries(body) as [string, unknown][];
  if (more.length > 0) return null;
  if (entry === undefined) return {};
  const [name, value] = entry;
  if (typeof value !== 'string') return null;
  if (name === 'subscription') return { subscription: value };
  return name === 'path' ? { path: value } : null;
}
