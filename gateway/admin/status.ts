import type { ContactState, Status } from '../../base/status.ts';
import type { AdminPorts, SubscriptionReadiness } from './ports.ts';

const fromBest: readonly ContactState[] = ['connected', 'degraded', 'disconnected'];

/** The worst of some states; `connected` of none. */
export function worst(states: Iterable<ContactState>): ContactState {
  let rank = 0;
  for (const state of states) rank = Math.max(rank, fromBest.indexOf(state));
  return fromBest[rank] ?? 'disconnected';
}

/** The document of `status --json` and `/api/v1/status`. */
export async function statusDocument(
  ports: Pick<AdminPorts, 'version' | 'subscriptions' | 'cache' | 'transfers'>,
): Promise<Status> {
  const [subscriptions, cache] = await Promise.all([ports.subscriptions.status(), ports.cache.status()]);
  return {
    version: ports.version,
    state: worst(subscriptions.map(({ state }) => state)),
    subscriptions,
    cache,
    transfers: ports.transfers(),
  };
}

export interface ReadinessDocument {
  readonly ready: boolean;
  readonly draining: boolean;
  readonly subscriptions: readonly (SubscriptionReadiness & { readonly ready: boolean })[];
}

/** Ready: not draining, and at least one generation can be served or nothing is subscribed (contract). */
export function readinessDocument({ readiness }: Pick<AdminPorts, 'readiness'>): ReadinessDocument {
  const subscriptions = readiness
    .subscriptions()
    .map(({ name, state, generation }) => ({ name, state, generation, ready: generation !== null }));
  const served = subscriptions.length === 0 || subscriptions.some(({ ready }) => ready);
  return { ready: served && !readiness.draining, draining: readiness.draining, subscriptions };
}
