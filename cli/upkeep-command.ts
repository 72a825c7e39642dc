import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { RunStatus } from '../base/status.ts';
import type { Store } from '../cache/store.ts';
import { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { Config } from '../config/config.ts';
import type { ServiceClient } from './client.ts';
import { onState } from './offline-store.ts';
import { followOwnRun, followRun, type RunWatcher } from './run-following.ts';

/** A command that is one run of upkeep, in its two ways; both begin it and give its id. */
export interface UpkeepCommand {
  /** Asks the service for it, such as by a POST. */
  readonly online: (client: ServiceClient) => Promise<string>;
  /** Starts it in this process; the runs are closed, then the store, once it has ended. */
  readonly offline: (store: Store, runs: UpkeepRuns) => Promise<string>;
}

/**
 * Begins a run of upkeep in the running service, or here on the state directory when none runs, and follows it.
 * @param watcher is shown how it goes.
 * @returns the run as it ended. @throws as `onState`
 */
export function runUpkeep(
  config: Config,
  log: Logger,
  command: UpkeepCommand,
  watcher: RunWatcher,
): Promise<RunStatus> {
  return onState(config, log, {
    online: async (client) => followRun(client, await command.online(client), watcher),
    offline: async (store) => {
      const runs = await UpkeepRuns.open({ notes: store.notes, clock: systemClock, log });
      try {
        return await followOwnRun(runs, await command.offline(store, runs), systemClock, watcher);
      } finally {
        await runs.close();
      }
    },
  });
}
