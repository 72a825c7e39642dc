import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { RunStatus, Status } from '../../base/status.ts';
import { decodeRequestPath } from '../../http/request-path.ts';
import { serviceClient, type ServiceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import { runBars, runEvents, runLines } from '../run-display.ts';
import { followRun, type RunWatcher } from '../run-following.ts';
import { plainText, type Terminal } from '../terminal.ts';
import { requestPathOf } from './explanation-text.ts';
import { failureLines, isComplete } from './sync-text.ts';

export interface SyncRequest {
  readonly socket: string;
  /** None: all. */
  readonly subscriptions: readonly string[];
  /** Repositories that are read and proven again, as clients name them. */
  readonly force: readonly string[];
  readonly wait: boolean;
  readonly json: boolean;
}

/**
 * `waystation sync`: asks for a run of each subscription. With `wait` it follows them to their end, and succeeds only
 * when every run is done without a failure; else it prints the ids of the runs.
 */
export async function sync(request: SyncRequest, terminal: Terminal): Promise<number> {
  const client = serviceClient(request.socket);
  try {
    const started = await startAll(client, request);
    if (!request.wait) {
      if (request.json) terminal.out(JSON.stringify({ syncs: started }, null, 2));
      else for (const { id } of started) terminal.out(plainText(id));
      return exitCodes.ok;
    }
    const watcher = watcherFor(request, terminal);
    const runs = await Promise.all(started.map(({ id }) => followRun(client, id, watcher)));
    for (const line of runs.flatMap(failureLines)) terminal.err(line);
    return runs.every(isComplete) ? exitCodes.ok : exitCodes.failed;
  } finally {
    await client.close();
  }
}

/** `waystation sync --cancel`: calls off what is under way or waits, of these subscriptions or of all. */
export async function cancelSyncs(
  request: Pick<SyncRequest, 'socket' | 'subscriptions' | 'json'>,
  terminal: Terminal,
): Promise<number> {
  const client = serviceClient(request.socket);
  try {
    const names = wanted(await subscriptionsOf(client), request.subscriptions);
    const { syncs } = (await client.get('/api/v1/syncs')) as { syncs: readonly RunStatus[] };
    const open = syncs.filter(
      ({ subscription, finished, kind }) =>
        finished === null && subscription !== null && names.includes(subscription) && isSync(kind),
    );
    const cancelled: { readonly subscription: string | null; readonly id: string; readonly cancelled: boolean }[] = [];
    for (const { id, subscription } of open) {
      const answer = (await client.post(`/api/v1/syncs/${encodeURIComponent(id)}/cancel`, {})) as {
        cancelled: boolean;
      };
      cancelled.push({ subscription, id, cancelled: answer.cancelled });
    }
    if (request.json) terminal.out(JSON.stringify({ syncs: cancelled }, null, 2));
    else if (cancelled.length === 0) terminal.out('no sync is under way');
    else
      for (const { subscription, id, cancelled: done } of cancelled)
        terminal.out(
          `${plainText(subscription ?? '')}: ${plainText(id)} ${done ? 'cancelled' : 'has ended, or is publishing'}`,
        );
    return exitCodes.ok;
  } finally {
    await client.close();
  }
}

/** The kind of a sync is its policy. */
function isSync(kind: string): boolean {
  return kind === 'on-demand' || kind === 'full' || kind.startsWith('newest:');
}

function watcherFor({ json }: SyncRequest, terminal: Terminal): RunWatcher {
  if (json) return runEvents(systemClock, terminal.out);
  return terminal.live === null ? runLines(systemClock, terminal.out) : runBars(terminal.live);
}

interface Started {
  readonly subscription: string;
  readonly id: string;
}

/** A name or a path that is unknown starts nothing at all. */
async function startAll(client: ServiceClient, { subscriptions, force }: SyncRequest): Promise<Started[]> {
  const known = await subscriptionsOf(client);
  const names = wanted(known, subscriptions);
  const forced = force.map((path) => repositoryAt(known, names, path));
  // Who forces a repository and names no subscription wants no other read.
  const asked =
    forced.length > 0 && subscriptions.length === 0 ? forced.map(({ subscription }) => subscription) : names;
  const started: Started[] = [];
  for (const subscription of new Set(asked)) {
    const paths = forced.filter((each) => each.subscription === subscription).map(({ path }) => path);
    const body = paths.length === 0 ? { subscription } : { subscription, force: paths };
    const { id } = (await client.post('/api/v1/syncs', body)) as { id: string };
    started.push({ subscription, id });
  }
  return started;
}

type Known = Status['subscriptions'];

async function subscriptionsOf(client: ServiceClient): Promise<Known> {
  return ((await client.get('/api/v1/status')) as Status).subscriptions;
}

/** Those that are named, all when none is. @throws WaystationError `unknown_subscription` */
function wanted(known: Known, asked: readonly string[]): string[] {
  const names = known.map(({ name }) => name);
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new WaystationError(
      'unknown_subscription',
      `no subscription is called ${unknown.join(', ')}; there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
    );
  return asked.length === 0 ? names : [...new Set(asked)];
}

/** The repository that a path, URL or name means, exactly. @throws WaystationError `bad_path`, `not_found` */
function repositoryAt(known: Known, names: readonly string[], what: string): { subscription: string; path: string } {
  const decoded = decodeRequestPath(requestPathOf(what));
  if ('error' in decoded) throw new WaystationError('bad_path', `${what}: ${decoded.reason}`);
  const path = /^\/content\/(.*?)\/?$/.exec(decoded.path)?.[1] ?? '';
  for (const { name, repositories } of known)
    if (names.includes(name) && repositories.some((repository) => repository.path === path))
      return { subscription: name, path };
  throw new WaystationError('not_found', `no repository is at ${what}`);
}
