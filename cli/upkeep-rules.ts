import type { ConfirmedClock } from '../cache/upkeep/clock-confidence.ts';
import type { UpkeepRules } from '../cache/upkeep/rules.ts';
import type { Config } from '../config/config.ts';
import { treatmentOf } from './treatment.ts';

/** What the configuration says of keeping generations and packages. */
export function upkeepRules(config: Config, clock: ConfirmedClock): UpkeepRules {
  const named = new Map(config.subscriptions.map((subscription) => [subscription.name, subscription]));
  return {
    keeps: () => config.subscriptions.map(({ name, keep }) => ({ subscription: name, ...keep })),
    isFull: (name, path) => {
      const subscription = named.get(name);
      return subscription !== undefined && treatmentOf(subscription, path).policy === 'full';
    },
    clock,
  };
}
