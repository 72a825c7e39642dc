import type { Config, Subscription } from '../config/config.ts';

type Policy = Subscription['policy'];

/**
 * The configuration with the policies that hubs assign, as they are whenever they are asked for: of subscriptions whose
 * policy the file does not say.
 */
export function withAssignedPolicies(config: Config, assigned: (subscription: string) => Policy | null): Config {
  const subscriptions = config.subscriptions.map((subscription): Subscription => {
    if (subscription.hub.type !== 'waystation' || subscription.policyWritten) return subscription;
    return {
      ...subscription,
      get policy() {
        return assigned(subscription.name) ?? subscription.policy;
      },
    };
  });
  return { ...config, subscriptions };
}
