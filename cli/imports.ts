import { WaystationError } from '../base/errors.ts';
import type { Store } from '../cache/store.ts';
import { startImport } from '../cache/upkeep/import-run.ts';
import { treeRoot } from '../cache/upkeep/import-tree.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { Config } from '../config/config.ts';
import type { Imports } from '../gateway/admin/ports.ts';

/** Imports as the admin API and the command without a service begin them. */
export function imports({ config, store, runs }: { config: Config; store: Store; runs: UpkeepRuns }): Imports {
  const names = config.subscriptions.map(({ name }) => name);
  return {
    start: async (asked) => {
      const { directory, subscription } = asked;
      if (subscription !== null && !names.includes(subscription))
        throw new WaystationError(
          'unknown_subscription',
          `no subscription is called ${subscription}; there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
        );
      // At once, so that who asked is told: most likely the service's user may not read it.
      await treeRoot(directory);
      return startImport(store, runs, asked);
    },
  };
}
