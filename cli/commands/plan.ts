import { systemClock } from '../../base/clock.ts';
import type { SubscriptionPlan } from '../../base/plan.ts';
import { serviceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import { runLines } from '../run-display.ts';
import { followRun } from '../run-following.ts';
import type { Terminal } from '../terminal.ts';
import { planText } from './plan-text.ts';
import { failureLines } from './sync-text.ts';

export interface PlanRequest {
  readonly socket: string;
  /** None: all. */
  readonly subscriptions: readonly string[];
  readonly json: boolean;
}

/**
 * `waystation sync --plan`: what a sync would fetch, keep and let go, and whether it fits. Succeeds when everything could
 * be planned and fits, so that `sync --plan && sync` does what it looks like.
 */
export async function plan({ socket, subscriptions, json }: PlanRequest, terminal: Terminal): Promise<number> {
  const client = serviceClient(socket);
  try {
    const { id } = (await client.post('/api/v1/plans', { subscriptions })) as { readonly id: string };
    const run = await followRun(client, id, json ? () => {} : runLines(systemClock, terminal.err));
    const plans: readonly SubscriptionPlan[] = run.plans ?? [];
    if (json) terminal.out(JSON.stringify({ plans }, null, 2));
    else for (const each of plans) terminal.out(planText(each, terminal.paint));
    for (const line of failureLines(run)) terminal.err(line);
    const fit = plans.every(({ room }) => room.fits !== false);
    return run.state === 'done' && fit ? exitCodes.ok : exitCodes.failed;
  } finally {
    await client.close();
  }
}
