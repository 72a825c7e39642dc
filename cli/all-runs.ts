import type { Subscriptions } from '../base/subscriptions.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';

/** Subscriptions whose list of runs also has those that are no syncs: what `/api/v1/syncs` shows and waits for. */
export function withUpkeepRuns(subscriptions: Subscriptions, upkeep: UpkeepRuns): Subscriptions {
  return {
    status: () => subscriptions.status(),
    generations: (subscription) => subscriptions.generations(subscription),
    start: (subscription, force) => subscriptions.start(subscription, force),
    cancel: (id) => (upkeep.find(id) === null ? subscriptions.cancel(id) : upkeep.cancel(id)),
    runs: () =>
      [...subscriptions.runs(), ...upkeep.list()].toSorted(
        (one, other) => Date.parse(other.started) - Date.parse(one.started),
      ),
    run: (id) => subscriptions.run(id) ?? upkeep.find(id),
    finished: (id, signal) => (upkeep.find(id) === null ? subscriptions.finished(id, signal) : upkeep.wait(id, signal)),
  };
}
