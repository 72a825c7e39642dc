import { isAbsolute } from 'node:path';
import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { AdminPorts, ImportAsked } from './ports.ts';
import { changesAllowed } from './syncs.ts';

/**
 * `POST /api/v1/imports` with `{"directory": PATH}` and, as wished, `"subscription": NAME`, `"link": true`, `"dryRun":
 * true`: 202 `{"id"}` of a run at `/api/v1/syncs/{id}`. The path is absolute, and read by the service. Only where changes
 * are allowed.
 */
export async function startImport(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const asked = askedIn(await context.req.json<unknown>().catch(() => null));
  if (asked === null)
    throw new WaystationError(
      'bad_request',
      'the body must be {"directory": "/ABSOLUTE/PATH"}, with "subscription": "NAME", "link": true or "dryRun": true as wished',
    );
  const id = await ports.imports.start(asked);
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

const names = ['directory', 'subscription', 'link', 'dryRun'];

function askedIn(body: unknown): ImportAsked | null {
  if (typeof body !== 'object' || body === null) return null;
  if (Object.keys(body).some((name) => !names.includes(name))) return null;
  const { directory, subscription = null, link = false, dryRun = false } = body as Record<string, unknown>;
  if (typeof directory !== 'string' || !isAbsolute(directory) || directory.includes('\0')) return null;
  if (subscription !== null && typeof subscription !== 'string') return null;
  return typeof link === 'boolean' && typeof dryRun === 'boolean' ? { directory, subscription, link, dryRun } : null;
}
