import type { Store } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import type { ContentPorts } from '../gateway/content/ports.ts';
import type { SubscriptionSet } from '../sync/subscriptions.ts';

/** What content serving asks, answered from the configuration and the subscriptions. */
export function contentPorts(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly subscriptions: SubscriptionSet;
  readonly draining: () => boolean;
}): ContentPorts {
  const { config, store, subscriptions, draining } = parts;
  const rules = new Map(
    config.subscriptions.flatMap(({ repositories }) => repositories.map(({ path, access }) => [path, access] as const)),
  );
  const names = config.subscriptions.map(({ name }) => name);
  const supplier: ContentPorts['supplier'] = (repository) => {
    const subscription = store.served.repository(repository)?.generation.subscription;
    return subscription === undefined ? null : (subscriptions.upstream(subscription, repository)?.supplier ?? null);
  };
  return {
    supplier,
    access: (repository) => rules.get(repository) ?? null,
    pending: (path) => {
      for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
        const repository = path.slice(0, end);
        if (names.some((name) => subscriptions.upstream(name, repository) !== null))
          return `${repository} was not published here yet`;
      }
      return null;
    },
    stale: (repository) => supplier(repository)?.up !== true,
    draining,
  };
}
