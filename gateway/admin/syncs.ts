import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { RunStatus } from '../../base/status.ts';
import type { AdminPorts } from './ports.ts';

/** Longest and default wait of `/wait`, seconds. */
const longestWait = 60;
const defaultWait = 30;
/** Failures that a document names: in the list of runs each, and of one run at most. */
const namedInList = 100;
const mostNamed = 1_000;

/** `GET /api/v1/syncs`: every run that is remembered, newest first, with its first failures. */
export function listSyncs(context: Context, { subscriptions }: Pick<AdminPorts, 'subscriptions'>): Response {
  return context.json({ syncs: subscriptions.runs().map((run) => naming(run, namedInList)) });
}

/** `GET /api/v1/syncs/{id}?failures=N`: one run, with its first N failures (0–1000, default 1000). */
export function showSync(context: Context, ports: AdminPorts, id: string): Response {
  return context.json(
    naming(runOf(ports, id), numberOf(context, 'failures', mostNamed, { least: 0, most: mostNamed })),
  );
}

/** `GET /api/v1/syncs/{id}/failures?from=N&limit=M`: the failures that are known by name, in the order they came. */
export function listFailures(context: Context, ports: AdminPorts, id: string): Response {
  const run = runOf(ports, id);
  const from = numberOf(context, 'from', 0, { least: 0, most: 999_999_999 });
  const limit = numberOf(context, 'limit', mostNamed, { least: 1, most: mostNamed });
  const failures = run.failures.slice(from, from + limit);
  const next = from + failures.length;
  return context.json({
    id: run.id,
    total: run.failureCount,
    named: run.failures.length,
    from,
    next: next < run.failures.length ? next : null,
    failures,
  });
}

/**
 * `POST /api/v1/syncs` with `{"subscription": NAME}` and, as wished, `"force": [PATH…]`: 202 `{"id"}`. Only where changes
 * are allowed.
 */
export async function startSync(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const asked = askedIn(await context.req.json<unknown>().catch(() => null));
  if (asked === null)
    throw new WaystationError(
      'bad_request',
      'the body must be {"subscription": "NAME"}, with "force": ["PATH of a repository", …] as wished',
    );
  const id = ports.subscriptions.start(asked.subscription, asked.force);
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

/**
 * `POST /api/v1/syncs/{id}/cancel` and `DELETE /api/v1/syncs/{id}`: 200 `{"id", "cancelled", "state"}` once the run has
 * ended for it; `cancelled` is false when it had ended before or is publishing. Only where changes are allowed.
 */
export async function cancelSync(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const id = context.req.param('id') ?? '';
  const cancelled = await ports.subscriptions.cancel(id);
  return context.json({ id, cancelled, state: runOf(ports, id).state });
}

/** @throws WaystationError `denied` on a listener that only reads. */
export function changesAllowed({ allowed }: Pick<AdminPorts, 'allowed'>): void {
  if (allowed !== 'change') throw new WaystationError('denied', 'this listener is read-only; use the admin socket');
}

/**
 * `GET /api/v1/syncs/{id}/wait?seconds=N&failures=M`: the run once it has ended, or as it is after N seconds (1–60, default
 * 30): who waits on asks again, and so no time-out between the two ends a long sync.
 */
export async function waitForSync(context: Context, ports: AdminPorts, id: string): Promise<Response> {
  runOf(ports, id);
  const seconds = secondsOf(context.req.query('seconds'));
  const named = numberOf(context, 'failures', mostNamed, { least: 0, most: mostNamed });
  const over = new AbortController();
  const given = AbortSignal.any([over.signal, context.req.raw.signal]);
  try {
    const run = await Promise.race([
      ports.subscriptions.finished(id, given),
      ports.clock.sleep(seconds * 1000, given).then(() => runOf(ports, id)),
    ]);
    return context.json(naming(run, named));
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

function runOf({ subscriptions }: Pick<AdminPorts, 'subscriptions'>, id: string): RunStatus {
  const run = subscriptions.run(id);
  if (!run) throw new WaystationError('not_found', `no sync ${id}`);
  return run;
}

function naming(run: RunStatus, most: number): RunStatus {
  return run.failures.length <= most ? run : { ...run, failures: run.failures.slice(0, most) };
}

function askedIn(body: unknown): { readonly subscription: string; readonly force: readonly string[] } | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const { subscription, force = [], ...others } = body as Readonly<Record<string, unknown>>;
  if (typeof subscription !== 'string' || Object.keys(others).length > 0) return null;
  const paths = Array.isArray(force) ? (force as readonly unknown[]) : null;
  if (paths === null || !paths.every((path) => typeof path === 'string')) return null;
  return { subscription, force: paths };
}

function numberOf(
  context: Context,
  name: string,
  otherwise: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const text = context.req.query(name);
  if (text === undefined) return otherwise;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (number < least || number > most) throw new WaystationError('bad_request', `${name} must be ${least} to ${most}`);
  return number;
}
