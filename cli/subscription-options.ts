import type { Subscription } from '../config/config.ts';
import { secretFile } from '../config/secrets.ts';
import type { HubClient } from '../mirror/discovery.ts';
import type { SubscriptionOptions } from '../sync/subscription-options.ts';

/** A subscription as the configuration has it, over its hub. */
export function subscriptionOptions(subscription: Subscription, hub: HubClient): SubscriptionOptions {
  const repositories = new Map(subscription.repositories.map((repository) => [repository.path, repository]));
  return {
    name: subscription.name,
    policy: 'on-demand',
    flip: subscription.flip,
    refresh: subscription.refresh,
    hub,
    trust: async (path) => {
      const repository = repositories.get(path);
      if (repository === undefined || !repository.repoGpgCheck || repository.gpgKey === null) return null;
      return { keys: [Buffer.from(await secretFile(repository.gpgKey).read())] };
    },
    access: (path) => repositories.get(path)?.access ?? null,
  };
}
