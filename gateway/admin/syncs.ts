import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { RunStatus } from '../../base/status.ts';
import type { AdminPorts } from './ports.ts';

/** Longest and default wait of `/wait`, seconds. */
const longestWait = 60;
const defaultWait = 30;

export function runOf({ subscriptions }: Pick<AdminPorts, 'subscriptions'>, id: string): RunStatus {
  const run = subscriptions.run(id);
  if (!run) throw new WaystationError('not_found', `no sync ${id}`);
  return run;
}

/** `POST /api/v1/syncs` with `{"subscription": NAME}`: 202 `{"id"}`. Only where changes are allowed. */
export async function startSync(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const name = subscriptionIn(await context.req.json<unknown>().catch(() => null));
  if (name === null) throw new WaystationError('bad_request', 'the body must be {"subscription": "NAME"}');
  const id = ports.subscriptions.start(name);
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

/** @throws WaystationError `denied` on a listener that only reads. */
export function changesAllowed({ allowed }: Pick<AdminPorts, 'allowed'>): void {
  if (allowed !== 'change') throw new WaystationError('denied', 'this listener is read-only; use the admin socket');
}

function subscriptionIn(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('subscription' in body)) return null;
  return typeof body.subscription === 'string' && Object.keys(body).length === 1 ? body.subscription : null;
}

/**
 * `GET /api/v1/syncs/{id}/wait?seconds=N`: the run once it has ended, or as it is after N seconds (1–60, default 30):
 * who waits on asks again, and so no time-out between the two ends a long sync.
 */
export async function waitForSync(context: Context, ports: AdminPorts, id: string): Promise<Response> {
  runOf(ports, id);
  const seconds = secondsOf(context.req.query('seconds'));
  const over = new AbortController();
  const given = AbortSignal.any([over.signal, context.req.raw.signal]);
  try {
    return context.json(
      await Promise.race([
        ports.subscriptions.finished(id, given),
        ports.clock.sleep(seconds * 1000, given).then(() => runOf(ports, id)),
      ]),
    );
  } finally {
    over.abort(new WaystationError('cancelled', 'nobody waits any more'));
  }
}

/** How long a wait is asked to last, 1 to 60 s; 30 when nothing is said. @throws WaystationError `bad_request` */
export function secondsOf(text: string | undefined): number {
  if (text === undefined) return defaultWait;
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > longestWait)
    throw new WaystationError('bad_request', `seconds must be 1 to ${longestWait}`);
  return seconds;
}
