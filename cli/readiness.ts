import { systemClock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../cache/store.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import type { Config } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { matchesPath, pathPatternProblem } from '../config/path-pattern.ts';
import { secretFile } from '../config/secrets.ts';
import type { OfflineReadiness, ReadyAsked } from '../gateway/admin/ports.ts';
import { ExternalSolver } from '../solver/external-solver.ts';
import { ReadinessChecks } from '../sync/readiness/checks.ts';
import { fetchMissing } from '../sync/readiness/fetch-missing.ts';
import type { FetchParts } from '../sync/readiness/fetch-missing.ts';
import type { ReadinessParts, SubscriptionFacts } from '../sync/readiness/parts.ts';
import type { ReadyQuestion } from '../sync/readiness/question.ts';
import { Readiness } from '../sync/readiness/readiness.ts';
import { treatmentOf } from './treatment.ts';

interface ReadinessOptions {
  readonly config: Config;
  readonly store: Store;
  readonly denied: ReadinessParts['denied'];
  readonly standing: (subscription: string) => ReturnType<SubscriptionFacts['standing']>;
}

/** Node's names of architectures → rpm's. */
const architectures: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' };

/** Offline readiness, as the service and the command without one tell it. */
export function readinessOf({ config, store, denied, standing }: ReadinessOptions): Readiness {
  const { sink, blobs, served } = store;
  return new Readiness({
    subscriptions: config.subscriptions.map((subscription) => ({
      name: subscription.name,
      policyOf: (path) => treatmentOf(subscription, path).policy,
      isOpen: (path) => {
        const { access } = treatmentOf(subscription, path);
        return access === 'open' || (access === null && served.guard(path) === null);
      },
      hasKey: async (path) => {
        const { gpgKey } = treatmentOf(subscription, path);
        if (gpgKey !== null) await secretFile(gpgKey).read();
        return gpgKey !== null;
      },
      standing: () => standing(subscription.name),
    })),
    store: {
      current: (name) => store.current(name),
      holdings: (path, document) => store.holdings(path, document),
    },
    metadata: {
      holds: async (scope, listed) => blobs.holds(scope, listed),
      read: (scope, listed) => sink.read(scope, listed),
      packages: (map) => sink.packages(map),
      find: (map, href) => sink.find(map, href),
    },
    denied,
    solver: new ExternalSolver(readEnvironment().searchPath),
    arch: architectures[process.arch] ?? process.arch,
    clock: systemClock,
  });
}

/** The question of the API and of the command. @throws WaystationError `bad_request` */
export function readyQuestion(asked: ReadyAsked): ReadyQuestion {
  const { subscriptions, repositories, packages, host, arch, modules, weak } = asked;
  for (const pattern of repositories) {
    const problem = pathPatternProblem(pattern);
    if (problem !== null) throw new WaystationError('bad_request', `the repository pattern ${pattern} ${problem}`);
  }
  if (arch !== null && !/^[a-z0-9_]{1,32}$/.test(arch))
    throw new WaystationError('bad_request', `${arch} is no architecture such as x86_64`);
  const needed = packages.length > 0 || host !== null;
  if (!needed && (arch !== null || modules.length > 0))
    throw new WaystationError(
      'bad_request',
      'an architecture and module streams say something of packages or of a host',
    );
  return {
    subscriptions,
    counts: repositories.length === 0 ? null : (path) => repositories.some((pattern) => matchesPath(pattern, path)),
    needs: needed ? { packages, host, arch, modules, weak } : null,
  };
}

/** Readiness as the admin API has it: checks that are asked for, and runs that close the gap. */
export function offlineReadiness(
  readiness: Readiness,
  parts: {
    readonly store: Store;
    readonly runs: UpkeepRuns;
    readonly supplierOf: FetchParts['supplierOf'];
    readonly log: Logger;
  },
): OfflineReadiness & { close(): Promise<void> } {
  const { store, runs, supplierOf, log } = parts;
  const checks = new ReadinessChecks(readiness, log);
  return {
    counted: (subscriptions, signal) => readiness.counted(subscriptions, signal),
    begin: (asked) => checks.begin(readyQuestion(asked)),
    report: async (id) => (await checks.answer(id)).report,
    fetch: async (id) => {
      const { lacking } = await checks.answer(id);
      const run = runs.start({ kind: 'ready', subscription: null }, async (working, signal) => {
        // No subscription has this name: what is fetched stays as long as this run goes on, and nothing else changes.
        const lease = store.beginRun(':ready');
        try {
          await fetchMissing(lacking, { sink: store.sink, supplierOf }, working, signal);
        } finally {
          lease.end({});
        }
      });
      return run.id;
    },
    close: () => checks.close(),
  };
}
