import { WaystationError } from '../base/errors.ts';
import type { SubscriptionPlan } from '../base/plan.ts';
import type { UpkeepRun } from '../cache/upkeep/upkeep-run.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { Plans } from '../gateway/admin/ports.ts';
import type { ReadProgress } from '../mirror/progress.ts';
import type { SubscriptionSet } from '../sync/subscriptions.ts';

/** Plans of syncs, as runs of kind `plan`: one after the other, for each reads metadata of many repositories. */
export function plans(parts: { readonly subscriptions: SubscriptionSet; readonly runs: UpkeepRuns }): Plans {
  const { subscriptions, runs } = parts;
  return {
    start: (asked) => {
      const { names } = subscriptions;
      const unknown = asked.filter((name) => !names.includes(name));
      if (unknown.length > 0)
        throw new WaystationError(
          'unknown_subscription',
          `no subscription is called ${unknown.join(', ')}; there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
        );
      const chosen = asked.length === 0 ? names : [...new Set(asked)];
      const subscription = chosen.length === 1 ? (chosen[0] ?? null) : null;
      return runs.start({ kind: 'plan', subscription }, async (run, signal) => {
        const made: SubscriptionPlan[] = [];
        const progress = progressOf(run);
        for (const name of chosen) {
          const plan = await subscriptions.plan(name, progress, signal);
          made.push(plan);
          tellFailures(run, plan);
        }
        run.planned(made);
      }).id;
    },
  };
}

function progressOf(run: UpkeepRun): ReadProgress {
  const metadata = run.phase('metadata');
  return {
    expected: (files, bytes) => metadata.expect(files, bytes),
    done: (bytes) => {
      metadata.read(bytes);
      metadata.fileDone();
    },
  };
}

function tellFailures(run: UpkeepRun, plan: SubscriptionPlan): void {
  const failed = [
    { path: plan.subscription, error: plan.error },
    ...plan.repositories.map(({ path, error }) => ({ path, error })),
  ];
  for (const { path, error } of failed) {
    if (error !== null) run.failed({ path, code: error.code, reason: error.message, attempts: 1, nextTry: null });
  }
}
