import type { Digest } from '../base/digest.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../cache/store.ts';
import type { UpkeepRun } from '../cache/upkeep/upkeep-run.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { Config } from '../config/config.ts';
import { CarryOver } from '../sync/carry-over/carry-over.ts';
import type { CarryOverReport, CarryOverStore } from '../sync/carry-over/carry-over.ts';
import { CarryOvers } from '../sync/carry-over/carry-overs.ts';
import type { SubscriptionSet } from '../sync/subscriptions.ts';
import { treatmentOf } from './treatment.ts';

export interface CarryOverParts {
  readonly config: Config;
  readonly store: Store;
  readonly upstream: SubscriptionSet['upstream'];
  readonly denied: (digest: Digest) => boolean;
  readonly log: Logger;
}

/** A carrier for each subscription that has `carryOver`. */
export function carriers({ config, store, upstream, denied, log }: CarryOverParts): ReadonlyMap<string, CarryOver> {
  const view: CarryOverStore = {
    kept: (subscription) => store.kept(subscription),
    packages: (map) => store.stored.packages(map),
    holds: (scope, digest) => store.stored.holds(scope, digest),
    prefetch: async (scope, listed, loader, signal) => {
      try {
        if (await store.blobs.holds(scope, listed)) return false;
        // It may have been fetched for a client while it waited for its turn.
        if ((await loader.turn?.(signal)) === true && (await store.blobs.holds(scope, listed))) return false;
        await store.fills.ensure({ scope, listed, loader: () => loader, teller: loader }, signal);
      } finally {
        loader.done?.();
      }
      store.demand.prefetched.fetched(listed);
      return true;
    },
    notes: store.notes,
  };
  const found = config.subscriptions.flatMap((subscription) => {
    const { name, carryOver: limit } = subscription;
    if (limit === null) return [];
    const carrier = new CarryOver({
      subscription: name,
      limit,
      concerns: (path) => treatmentOf(subscription, path).policy !== 'full',
      store: view,
      upstream: (path) => upstream(name, path),
      demand: (path) => store.demand.names(path),
      denied,
      log,
    });
    return [[name, carrier] as const];
  });
  return new Map(found);
}

/** Carry-overs as runs of kind `carry-over` among the syncs. */
export function carryOvers(parts: {
  readonly carriers: ReadonlyMap<string, CarryOver>;
  readonly runs: UpkeepRuns;
  readonly clock: Clock;
  readonly log: Logger;
}): CarryOvers {
  const { runs, ...more } = parts;
  return new CarryOvers({
    ...more,
    run: async (subscription, work) => {
      const what = { kind: 'carry-over', subscription, lane: `carry-over ${subscription}` };
      const { state } = await runs.start(what, (run, signal) => work(reportOf(run), signal)).ended;
      return { cancelled: state === 'cancelled' };
    },
  });
}

function reportOf(run: UpkeepRun): CarryOverReport {
  const phase = run.phase('carry-over');
  return {
    progress: {
      expected: (files, bytes) => phase.expect(files, bytes),
      arrived: (bytes, moved) => phase.read(bytes, moved ? bytes : 0),
      done: (bytes, _, arrived = 0) => {
        phase.read(bytes - arrived);
        phase.fileDone();
      },
    },
    failed: (path, { code, message }) => run.failed({ path, code, reason: message, attempts: 1, nextTry: null }),
  };
}
