import { WaystationError } from '../../base/errors.ts';
import type { Status } from '../../base/status.ts';
import { serviceClient, type ServiceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../run-following.ts';
import { plainText, type Terminal } from '../terminal.ts';
import { failureLines, isComplete } from './sync-text.ts';

export interface SyncRequest {
  readonly socket: string;
  /** None: all. */
  readonly subscriptions: readonly string[];
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
    const started = await startAll(client, request.subscriptions);
    if (!request.wait) {
      if (request.json) terminal.out(JSON.stringify({ syncs: started }, null, 2));
      else for (const { id } of started) terminal.out(plainText(id));
      return exitCodes.ok;
    }
    const progress = request.json ? () => {} : (line: string) => terminal.out(line);
    const runs = await Promise.all(started.map(({ id }) => followRun(client, id, progress)));
    if (request.json) terminal.out(JSON.stringify({ syncs: runs }, null, 2));
    for (const line of runs.flatMap(failureLines)) terminal.err(line);
    return runs.every(isComplete) ? exitCodes.ok : exitCodes.failed;
  } finally {
    await client.close();
  }
}

interface Started {
  readonly subscription: string;
  readonly id: string;
}

/** A name that is unknown starts nothing at all. */
async function startAll(client: ServiceClient, asked: readonly string[]): Promise<Started[]> {
  const known = ((await client.get('/api/v1/status')) as Status).subscriptions.map(({ name }) => name);
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new WaystationError(
      'unknown_subscription',
      `no subscription is called ${unknown.join(', ')}; there ${known.length === 0 ? 'are none' : `is ${known.join(', ')}`}`,
    );
  const names = asked.length === 0 ? known : [...new Set(asked)];
  const started: Started[] = [];
  for (const subscription of names) {
    const { id } = (await client.post('/api/v1/syncs', { subscription })) as { id: string };
    started.push({ subscription, id });
  }
  return started;
}
