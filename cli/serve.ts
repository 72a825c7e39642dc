import type { Pause } from '../base/allowed-rate.ts';
import { systemClock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import { HeldProof } from '../cache/upkeep/held-proof.ts';
import { Repair } from '../cache/upkeep/repair.ts';
import type { SupplierOf } from '../cache/upkeep/repair.ts';
import { Scrub } from '../cache/upkeep/scrub.ts';
import { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import { ClockConfidence } from '../cache/upkeep/clock-confidence.ts';
import type { Config } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { EventLog } from '../gateway/admin/event-log.ts';
import type { EventStreams } from '../gateway/admin/events.ts';
import type { AdminPorts } from '../gateway/admin/ports.ts';
import { statusDocument } from '../gateway/admin/status.ts';
import { Exchanges } from '../gateway/content/exchange.ts';
import { ContentExplainer } from '../gateway/content/explain.ts';
import { contentListener } from '../gateway/gateway.ts';
import { ContentReader } from '../mirror/content-reader.ts';
import { ensureNewest } from '../mirror/newest-packages.ts';
import { PackageFetcher } from '../mirror/packages.ts';
import { TreeFileFetcher } from '../mirror/tree-files.ts';
import { Health } from '../origin/health.ts';
import { observers } from '../runs/observers.ts';
import { measureRuns } from '../runs/run-metrics.ts';
import { nobody } from '../runs/run-record.ts';
import { standingByStatus } from '../sync/readiness/standing.ts';
import { measureHoldings } from '../sync/holdings-metrics.ts';
import { measureSubscriptions } from '../sync/subscription-metrics.ts';
import { SubscriptionSet } from '../sync/subscriptions.ts';
import { openListener } from '../web/listener.ts';
import type { Listener, ListenerOptions } from '../web/listener.ts';
import { withUpkeepRuns } from './all-runs.ts';
import { ServedCatalog } from './catalog.ts';
import { contentParts } from './content-parts.ts';
import { contentPorts } from './content-ports.ts';
import { carriers, carryOvers } from './carry-overs.ts';
import { EventSources, watchedParts } from './event-sources.ts';
import { measureFollowing } from './following-metrics.ts';
import { Following } from './following.ts';
import { generationControl } from './generation-control.ts';
import { Heartbeats } from './heartbeats.ts';
import { imports } from './imports.ts';
import { AssignedPolicies } from './assigned-policies.ts';
import { addressText, socketListener, tlsOf } from './listening.ts';
import type { LogLevel } from './log-levels.ts';
import { serviceLog } from './logging.ts';
import { keepNativeAddonsIn } from './native/addons.ts';
import { measureOrigins } from './origin-metrics.ts';
import { plans } from './plans.ts';
import { publishing, sayRolledBack } from './publishing.ts';
import { measureClock, measureStore } from './store-metrics.ts';
import { subscriptionOptions } from './subscription-options.ts';
import { offlineReadiness, readinessOf } from './readiness.ts';
import { servedBefore } from './served-before.ts';
import { ServedTotals } from './served-totals.ts';
import { serviceMeter } from './service-meter.ts';
import { openServingStore } from './serving-store.ts';
import { serviceManager } from './systemd/service-manager.ts';
import { partsLine } from './systemd/status-line.ts';
import { untilTold } from './termination.ts';
import { upstreamTraffic } from './upstream-traffic.ts';
import { Upstreams } from './upstreams.ts';
import { verifications } from './verifications.ts';
import { webApp } from './web-app.ts';

/**
 * The one place where the parts of a PoP are put together. In this order: the store with what earlier runs left; the
 * lock on it; upstreams and subscriptions over it (nothing is asked yet); the gateway; the listeners. Once they listen
 * the service is live, and only then does it talk to anybody. It ends the other way round.
 * @returns the exit code.
 * @throws WaystationError when it cannot start.
 */
export async function serve(written: Config, options: { version: string; logLevel: LogLevel }): Promise<number> {
  const { version } = options;
  const clock = systemClock;
  const serviceLogs = serviceLog({ level: options.logLevel });
  const log = serviceLogs.logger;
  const meter = serviceMeter();
  const assigned = new AssignedPolicies(written);
  const { config } = assigned;
  keepNativeAddonsIn(config.state, log);
  const confidence = new ClockConfidence(clock, log);
  const listening = Promise.withResolvers<void>();
  const store = await openServingStore(config, { log, meter, confidence, countAfter: listening.promise });
  sayRolledBack(store, log);
  measureStore(store, meter);
  measureClock(confidence, meter);

  const health = new Health({ clock, log, onDate: (date) => confidence.observe(date) });
  measureOrigins(health, meter);
  const { traffic, rates } = upstreamTraffic({ config, clock, meter, log });
  const hubParts = { version, clock, log, health, traffic, notes: store.notes };
  const following = new Following({ ...hubParts, state: config.state, kept: (name) => store.kept(name) });
  const upstreams = new Upstreams({ ...hubParts, following });
  assigned.by((name) => following.policy(name));
  const events: EventStreams = { log: new EventLog(), open: 0 };
  const eventSources = new EventSources(events.log, clock);
  const runObserver = observers(measureRuns(meter), eventSources.runs, { ...nobody, ended: () => heartbeats.hurry() });
  const reader = new ContentReader({ sink: store.sink, clock, log });
  // Where the content listeners are bound; the page may need a port that the system chose.
  const bound: string[] = [];
  const catalog = new ServedCatalog({
    config,
    publicUrl: () => config.publicUrl ?? bound[0] ?? '',
    store,
    log,
    status: () => statusDocument(admin),
    wanted: (name) => subscriptions.wanted(name),
  });
  const denied = (digest: Digest): boolean => following.denies(digest);
  const carrying = carriers({
    config,
    store,
    upstream: (name, path) => subscriptions.upstream(name, path),
    denied,
    log,
  });
  const subscriptions = await SubscriptionSet.open(
    await Promise.all(
      config.subscriptions.map(async (subscription) =>
        subscriptionOptions(subscription, await upstreams.hub(subscription)),
      ),
    ),
    {
      store: publishing(store, async (document) => {
        eventSources.published(document, store.current(document.subscription)?.id === document.id);
        await catalog.refresh();
        carrier.published(document.subscription);
      }),
      reader,
      packages: new PackageFetcher({
        sink: store.sink,
        log,
        slots: config.transfers.perHub,
        servedBefore: servedBefore(store.demand),
        denied,
      }),
      trees: new TreeFileFetcher({ sink: store.sink, clock, log, denied }),
      newest: (of, signal) => ensureNewest({ sink: store.sink, log, ...of, signal }),
      stored: store.stored,
      denied,
      forecast: async (name, changes) => (await carrying.get(name)?.forecast(changes)) ?? null,
      rates,
      proof: new HeldProof({ audit: store.audit, sink: store.sink }),
      runs: runObserver,
      clock,
      log,
      random: Math.random,
    },
  );
  measureSubscriptions(subscriptions, meter, clock);
  measureHoldings(
    config.subscriptions.map(({ name }) => name),
    store,
    meter,
  );
  const pause = (): Pause | null => traffic.pause.now;
  const upkeepRuns = await UpkeepRuns.open({ notes: store.notes, clock, log, observer: runObserver, pause });
  const carrier = carryOvers({ carriers: carrying, runs: upkeepRuns, clock, log });
  const watched = watchedParts({ subscriptions, upkeepRuns, space: store.space });
  const manager = serviceManager({
    environment: readEnvironment(),
    status: () => partsLine(watched),
    log,
  });
  const termination = { draining: false };
  const ports = contentPorts({ config, store, subscriptions, denied, draining: () => termination.draining });
  const { audit, references, sink, space, notes } = store;
  const supplierOf: SupplierOf = (repository, scope) => ports.supplier(repository, scope);
  const repair = new Repair({ references, sink, supplierOf, log });
  const scrub = await Scrub.open({ budget: config.cache.scrub, audit, repair, space, notes, clock, log });
  const standing = standingByStatus((name) => subscriptions.statusOf(name));
  const readable = readinessOf({ config, store, denied: () => following.denied, standing });
  const readiness = offlineReadiness(readable, { store, runs: upkeepRuns, supplierOf, log });
  const totals = new ServedTotals(() => traffic.taken);
  const exchanges = new Exchanges({
    clock,
    meter,
    log: (record) => (totals.count(record), serviceLogs.access(record)),
  });
  const { content, targets } = contentParts({ config, store, ports, exchanges, catalog, clock, log });
  const admin: Omit<AdminPorts, 'allowed'> = {
    version,
    clock,
    logger: log,
    subscriptions: withUpkeepRuns(subscriptions, upkeepRuns),
    cache: { status: async () => ({ ...(await store.status()), scrub: scrub.status() }) },
    transfers: () => traffic.status(),
    metrics: meter,
    readiness: {
      get draining() {
        return termination.draining;
      },
      subscriptions: () =>
        subscriptions
          .contacts()
          .map(({ name, state }) => ({ name, state, generation: store.current(name)?.id ?? null })),
    },
    explainer: new ContentExplainer({ store, targets, ports }),
    imports: imports({ config, store, runs: upkeepRuns }),
    plans: plans({ subscriptions, runs: upkeepRuns }),
    verifications: verifications({ store, runs: upkeepRuns, repair }),
    events,
    generations: generationControl({ config, store, log, switched: () => catalog.refresh() }),
    offlineReadiness: readiness,
  };

  const rootOf = (name: string, path: string): string | null =>
    store.current(name)?.repositories[path]?.repomd.digest ?? null;
  const status = (): ReturnType<typeof statusDocument> => statusDocument(admin);
  const heartbeats = new Heartbeats({ following, status, rootOf, totals, meter, clock, log });
  following.onDenied(() => store.served.refresh());
  measureFollowing(following, meter, clock);

  const adminApp = (allowed: AdminPorts['allowed']): ListenerOptions['onRequest'] =>
    webApp(async () => (await import('../gateway/admin/app.ts')).adminApp({ ...admin, allowed }));

  const listeners: Listener[] = [];
  const listen = async (
    address: string,
    handler: ListenerOptions['onRequest'],
    more: Partial<ListenerOptions> = {},
  ): Promise<Listener> => {
    const listener = await openListener({ address, onRequest: handler, log, ...more });
    listeners.push(listener);
    log.info({ address: listener.address }, 'listening');
    return listener;
  };
  try {
    const pages = webApp(async () => (await import('../gateway/page/app.ts')).pageApp({ catalog, clock, logger: log }));
    const onRequest = contentListener({ exchanges, content, pages });
    for (const address of config.listen.content) {
      const listener = await listen(addressText(address), onRequest, {
        ...(await tlsOf(address)),
        onRefused: (refused) => exchanges.refused(refused),
      });
      bound.push(`${address.tls === null ? 'http' : 'https'}://${listener.address}`);
    }
    await catalog.refresh();
    for (const address of config.listen.admin) {
      await listen(addressText(address), adminApp('read'), await tlsOf(address));
    }
    await socketListener(log, () => listen(config.listen.socket, adminApp('change')));
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.drain(0)));
    await store.close();
    throw error;
  }
  listening.resolve();
  manager.live();
  eventSources.begin(watched);
  subscriptions.begin();
  heartbeats.begin();
  carrier.begin();
  scrub.begin();
  store.upkeep.begin();
  log.info({ version, state: config.state, subscriptions: config.subscriptions.length }, 'serving');

  await untilTold(log, {
    drain: config.drain,
    stop: async (milliseconds) => {
      termination.draining = true;
      manager.stopping();
      // They have no end of their own to wait for.
      events.log.close();
      await Promise.all(listeners.map((listener) => listener.drain(milliseconds)));
    },
  });
  health.close(new WaystationError('cancelled', 'the service is stopping'));
  await Promise.all([
    heartbeats.close(),
    scrub.close(),
    carrier.close(),
    readiness.close(),
    upkeepRuns.close(),
    subscriptions.stop(),
  ]);
  await eventSources.close();
  await Promise.all([upstreams.close(), following.close()]);
  await store.close();
  manager.close();
  log.info({}, 'stopped');
  serviceLogs.flush();
  return 0;
}
