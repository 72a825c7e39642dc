import type { ConfirmedClock } from '../cache/upkeep/clock-confidence.ts';
import type { UpkeepRules } from '../cache/upkeep/rules.ts';
import type { Config } from '../config/config.ts';
import { newestName } from '../mirror/newest-packages.ts';
import { newestOf } from '../sync/package-policy.ts';
import { treatmentOf } from './treatment.ts';

/** What the configuration says of keeping generations and packages. */
export function upkeepRules(config: Config, clock: ConfirmedClock): UpkeepRules {
  const named = new Map(config.subscriptions.map((subscription) => [subscription.name, subscription]));
  return {
    keeps: () => config.subscriptions.map(({ name, keep }) => ({ subscription: name, ...keep })),
    holds: (name, path, document) => {
      const subscription = named.get(name);
      const policy = subscription === undefined ? 'on-demand' : treatmentOf(subscription, path).policy;
      const versions = newestOf(policy);
      if (versions !== null) return { versions, map: newestName(document, versions) };
      return policy === 'full' ? 'all' : 'none';
    },
    clock,
  };
}
