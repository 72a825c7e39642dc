import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { AdminPorts, ReadyAsked } from './ports.ts';
import { changesAllowed, secondsOf } from './syncs.ts';

/** `GET /api/v1/ready[?subscription=NAME…]`: how far each repository is held, by counts. */
export async function readyCounts(context: Context, { offlineReadiness }: AdminPorts): Promise<Response> {
  const names = context.req.queries('subscription') ?? [];
  return context.json(await offlineReadiness.counted(names, context.req.raw.signal));
}

/**
 * `POST /api/v1/ready`: looks at everything that is promised, or that `packages` and `host` need, and names what is
 * missing: 202 `{"id"}` of an answer at `/api/v1/ready/{id}`. It may take a solver and a core for minutes, so only where
 * changes are allowed.
 */
export async function beginReadyCheck(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const id = ports.offlineReadiness.begin(askedIn(await context.req.json<unknown>().catch(() => null)));
  context.header('Location', `/api/v1/ready/${id}`);
  return context.json({ id }, 202);
}

/** `GET /api/v1/ready/{id}?seconds=N`: 200 with the report once it is there, 202 `{"id"}` when N seconds have gone. */
export async function readyAnswer(context: Context, ports: AdminPorts): Promise<Response> {
  const id = context.req.param('id') ?? '';
  const seconds = secondsOf(context.req.query('seconds'));
  const over = new AbortController();
  const given = AbortSignal.any([over.signal, context.req.raw.signal]);
  try {
    const report = await Promise.race([
      ports.offlineReadiness.report(id),
      ports.clock.sleep(seconds * 1000, given).then(() => null),
    ]);
    return report === null ? context.json({ id }, 202) : context.json(report);
  } finally {
    over.abort(new WaystationError('cancelled', 'nobody waits any more'));
  }
}

/** `POST /api/v1/ready/{id}/fetch`: 202 `{"id"}` of a run at `/api/v1/syncs/{id}` that fetches what the report names. */
export async function fetchMissing(context: Context, ports: AdminPorts): Promise<Response> {
  changesAllowed(ports);
  const id = await ports.offlineReadiness.fetch(context.req.param('id') ?? '');
  context.header('Location', `/api/v1/syncs/${encodeURIComponent(id)}`);
  return context.json({ id }, 202);
}

const lists = ['subscriptions', 'repositories', 'packages', 'modules'] as const;
const texts = ['host', 'arch'] as const;
const known: ReadonlySet<string> = new Set([...lists, ...texts, 'weak']);

function askedIn(body: unknown): ReadyAsked {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notUnderstood('it must be an object');
  const fields = body as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(fields)) if (!known.has(name)) throw notUnderstood(`${name} is not known`);
  const list = (name: (typeof lists)[number]): readonly string[] => {
    const value = fields[name] ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    throw notUnderstood(`${name} must be a list of texts`);
  };
  const text = (name: (typeof texts)[number]): string | null => {
    const value = fields[name] ?? null;
    if (value === null || typeof value === 'string') return value;
    throw notUnderstood(`${name} must be a text`);
  };
  const weak = fields['weak'] ?? true;
  if (typeof weak !== 'boolean') throw notUnderstood('weak must be true or false');
  return {
    subscriptions: list('subscriptions'),
    repositories: list('repositories'),
    packages: list('packages'),
    modules: list('modules'),
    host: text('host'),
    arch: text('arch'),
    weak,
  };
}

function notUnderstood(why: string): WaystationError {
  return new WaystationError('bad_request', `the body is not understood: ${why}`);
}
