import type { Clock } from '../base/clock.ts';
import type { Meter } from '../base/metrics.ts';
import type { SubscriptionSet } from './subscriptions.ts';

/**
 * `waystation_upstream_up`, `waystation_generation_age_seconds` (contract), whether it is rolled back, and when all of it
 * was well the last time, by subscription.
 */
export function measureSubscriptions(set: SubscriptionSet, meter: Meter, clock: Clock): void {
  meter
    .gauge('upstream_up', 'Whether the hub of a subscription, or at least one of its upstreams, answers', [
      'subscription',
    ])
    .collect(() => set.contacts().map(({ name, state }) => [{ subscription: name }, state === 'disconnected' ? 0 : 1]));
  meter
    .gauge('generation_age_seconds', 'Age of the generation that a subscription serves', ['subscription'])
    .collect(() =>
      set
        .contacts()
        .flatMap(({ name, created }) =>
          created === null
            ? []
            : [[{ subscription: name }, Math.max(0, clock.now() - Date.parse(created)) / 1000] as const],
        ),
    );
  meter
    .gauge('generation_rolled_back', 'Whether a subscription is rolled back and does not follow what is published', [
      'subscription',
    ])
    .collect(() => set.contacts().map(({ name, rolledBack }) => [{ subscription: name }, rolledBack ? 1 : 0]));
  meter
    .gauge(
      'sync_last_success_timestamp_seconds',
      'When a sync ended after which every repository was complete by its policy; absent while none has',
      ['subscription'],
    )
    .collect(() =>
      set
        .contacts()
        .flatMap(({ name, succeeded }) =>
          succeeded === null ? [] : [[{ subscription: name }, succeeded / 1000] as const],
        ),
    );
}
