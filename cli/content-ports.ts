import type { Store } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import type { ContentPorts } from '../gateway/content/ports.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { SubscriptionSet } from '../sync/subscriptions.ts';
import { treatmentOf } from './treatment.ts';

/** What content serving asks, answered from the configuration and the subscriptions. */
export function contentPorts(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly subscriptions: SubscriptionSet;
  readonly denied: ContentPorts['denied'];
  readonly draining: () => boolean;
}): ContentPorts {
  const { config, store, subscriptions, denied, draining } = parts;
  const named = new Map(config.subscriptions.map((subscription) => [subscription.name, subscription]));
  const names = config.subscriptions.map(({ name }) => name);
  /** The subscription that serves a repository, or is to. */
  const ownerOf = (repository: string): string | undefined =>
    store.served.repository(repository)?.generation.subscription ??
    names.find((name) => subscriptions.upstream(name, repository) !== null);
  const wantedAt = (repository: string): WantedRepository | null => {
    const owner = ownerOf(repository);
    return owner === undefined ? null : subscriptions.upstream(owner, repository);
  };
  const supplier: ContentPorts['supplier'] = (repository, scope) => {
    const wanted = wantedAt(repository);
    return wanted?.scope === scope ? wanted.supplier : null;
  };
  return {
    supplier,
    denied,
    access: (repository) => {
      const subscription = named.get(ownerOf(repository) ?? '');
      return subscription === undefined ? null : treatmentOf(subscription, repository).access;
    },
    pending: (path) => {
      for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
        const repository = path.slice(0, end);
        const wanted = wantedAt(repository);
        if (wanted === null) continue;
        return { repository, guard: wanted.guard, reason: `${repository} was not published here yet` };
      }
      return null;
    },
    stale: (repository) => supplier(repository, store.served.repository(repository)?.document.scope ?? '')?.up !== true,
    draining,
  };
}
