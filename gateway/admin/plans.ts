import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { AdminPorts } from './ports.ts';
import { changesAllowed } from './syncs.ts';

/**
 * `POST /api/v1/plans` with `{}` for all, or `{"subscriptions": [NAME…]}`: 202 `{"id"}` of a run at `/api/v1/syncs/{id}`,
 * which has `plans` once it has ended. Only where changes are allowed, for it asks upstream and keeps metadata.
 */
export async function startPlan(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const names = namesIn(await context.req.json<unknown>().catch(() => null));
  if (names === null) throw new WaystationError('bad_request', 'the body must be {} or {"subscriptions": ["NAME"]}');
  const id = ports.plans.start(names);
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

function namesIn(body: unknown): readonly string[] | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const { subscriptions = [], ...others } = body as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || !Array.isArray(subscriptions)) return null;
  return subscriptions.every((name): name is string => typeof name === 'string') ? subscriptions : null;
}
