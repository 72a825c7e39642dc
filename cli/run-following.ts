import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { RunStatus } from '../base/status.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { ServiceClient } from './client.ts';
import { progressLine } from './commands/sync-text.ts';

/** Seconds between two looks at a run that goes on: how old a progress line is at most. */
const lookEvery = 1;

/** Follows a run of the service to its end; `progress` is given each line that differs from the one before. */
export function followRun(client: ServiceClient, id: string, progress: (line: string) => void): Promise<RunStatus> {
  const path = `/api/v1/syncs/${encodeURIComponent(id)}/wait?seconds=${lookEvery}`;
  return follow(async () => (await client.get(path)) as RunStatus, progress);
}

/** The same for a run of this process. */
export function followOwnRun(
  runs: UpkeepRuns,
  id: string,
  clock: Clock,
  progress: (line: string) => void,
): Promise<RunStatus> {
  return follow(async () => {
    const over = new AbortController();
    const now = async (): Promise<RunStatus> => {
      await clock.sleep(lookEvery * 1000, over.signal).catch(() => {});
      return runs.find(id) ?? runs.wait(id);
    };
    try {
      return await Promise.race([runs.wait(id), now()]);
    } finally {
      over.abort(new WaystationError('cancelled', 'the run has ended'));
    }
  }, progress);
}

async function follow(look: () => Promise<RunStatus>, progress: (line: string) => void): Promise<RunStatus> {
  let last = '';
  for (;;) {
    const run = await look();
    const line = progressLine(run);
    if (line !== last) progress(line);
    last = line;
    if (run.finished !== null) return run;
  }
}
