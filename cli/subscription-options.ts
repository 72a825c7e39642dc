import { WaystationError } from '../base/errors.ts';
import type { Subscription } from '../config/config.ts';
import { secretFile } from '../config/secrets.ts';
import type { HubClient } from '../mirror/discovery.ts';
import type { SubscriptionOptions } from '../sync/subscription-options.ts';
import { treatmentOf } from './treatment.ts';

/** A subscription as the configuration has it, over its hub. */
export function subscriptionOptions(subscription: Subscription, hub: HubClient): SubscriptionOptions {
  return {
    name: subscription.name,
    // A hub may assign another while the service runs.
    get policy() {
      return subscription.policy;
    },
    policyOf: (path) => treatmentOf(subscription, path).policy,
    flip: subscription.flip,
    refresh: subscription.refresh,
    hub,
    trust: async (path) => {
      const { repoGpgCheck, gpgKey } = treatmentOf(subscription, path);
      if (!repoGpgCheck) return null;
      // A hub may bring a repository that an override asks to check without naming a key: never unchecked then.
      if (gpgKey === null)
        throw new WaystationError('key_unusable', `${path}: repoGpgCheck is asked for, but no gpgKey is configured`);
      return { keys: [Buffer.from(await secretFile(gpgKey).read())] };
    },
    access: (path) => treatmentOf(subscription, path).access,
  };
}
