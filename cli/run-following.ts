import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { RunFailure, RunStatus } from '../base/status.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { ServiceClient } from './client.ts';

/** Seconds between two looks at a run that goes on: how old what is shown is at most. */
const lookEvery = 1;
/** Failures that are asked for at a time. */
const page = 1_000;

/** Is shown a run each second and at its end, with the failures that came since. */
export type RunWatcher = (run: RunStatus, failures: readonly RunFailure[]) => void;

/** A run that somebody follows. */
interface FollowedRun {
  /** The run once it has ended, or as it is after a second. Its `failures` are not looked at. */
  look(): Promise<RunStatus>;
  /** Failures by number, from the first that is asked for; empty when no more of them are known by name. */
  failures(from: number): Promise<readonly RunFailure[]>;
}

/** Follows a run of the service. @returns it as it ended, with every failure that is known by name. */
export function followRun(client: ServiceClient, id: string, watcher: RunWatcher): Promise<RunStatus> {
  const path = `/api/v1/syncs/${encodeURIComponent(id)}`;
  return follow(
    {
      look: async () => (await client.get(`${path}/wait?seconds=${lookEvery}&failures=0`)) as RunStatus,
      failures: async (from) => {
        const answer = await client.get(`${path}/failures?from=${from}&limit=${page}`);
        return (answer as { failures: readonly RunFailure[] }).failures;
      },
    },
    watcher,
  );
}

/** The same for a run of this process. */
export function followOwnRun(runs: UpkeepRuns, id: string, clock: Clock, watcher: RunWatcher): Promise<RunStatus> {
  const look = async (): Promise<RunStatus> => {
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
  };
  return follow({ look, failures: async (from) => (runs.find(id)?.failures ?? []).slice(from, from + page) }, watcher);
}

async function follow(followed: FollowedRun, watcher: RunWatcher): Promise<RunStatus> {
  let told = 0;
  for (;;) {
    const run = await followed.look();
    const news = await failuresFrom(followed, told, run.failureCount);
    told += news.length;
    watcher(run, news);
    // All of them again: when the first are tried next may have become known since.
    if (run.finished !== null) return { ...run, failures: await failuresFrom(followed, 0, run.failureCount) };
  }
}

async function failuresFrom(followed: FollowedRun, from: number, count: number): Promise<RunFailure[]> {
  const failures: RunFailure[] = [];
  while (from + failures.length < count) {
    const next = await followed.failures(from + failures.length);
    if (next.length === 0) break;
    failures.push(...next);
  }
  return failures;
}
