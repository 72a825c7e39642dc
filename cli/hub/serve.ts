import { mkdir } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { readEnvironment } from '../../config/environment.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { formatHostAndPort } from '../../config/listen-address.ts';
import { diskError } from '../../disk/disk.ts';
import { measureFleet } from '../../hub/admin/fleet-metrics.ts';
import type { HubAdminPorts } from '../../hub/admin/ports.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { Actor } from '../../hub/audit/audit.ts';
import { HubFleet } from '../../hub/fleet/hub-fleet.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { OperatorCallers } from '../../hub/operators/operator-callers.ts';
import { OperatorCertificates } from '../../hub/operators/operator-certificates.ts';
import { Operators } from '../../hub/operators/operators.ts';
import { routes } from '../../hub/service/accounts.ts';
import { ServerCertificate } from '../../hub/service/server-certificate.ts';
import { HubService } from '../../hub/service/service.ts';
import { openListener } from '../../web/listener.ts';
import type { Listener, ListenerOptions } from '../../web/listener.ts';
import { socketListener } from '../listening.ts';
import type { LogLevel } from '../log-levels.ts';
import { serviceLog } from '../logging.ts';
import { prometheus } from '../prometheus.ts';
import { serviceManager } from '../systemd/service-manager.ts';
import { untilTold } from '../termination.ts';
import { webApp } from '../web-app.ts';
import { openHub } from './hub-parts.ts';
import { storeControl } from './store-control.ts';
import { openOrigins } from './pull-through.ts';

/** Milliseconds for which open answers are finished at the end. */
const drain = 60_000;

/**
 * The one place where the parts of a hub are put together. In this order: the store and the keys, which `hub init` has
 * made; the fleet and the origins of snapshots over them; the service, by a certificate made now; the listeners. It ends the other way round.
 * @returns the exit code.
 * @throws WaystationError when it cannot start.
 */
export async function hubServe(
  config: HubConfig,
  { version, logLevel }: { version: string; logLevel: LogLevel },
): Promise<number> {
  const clock = systemClock;
  const serviceLogs = serviceLog({ level: logLevel });
  const log = serviceLogs.logger;
  const meter = prometheus({ prefix: 'waystation_hub_', processMetrics: true, closedLabels: { route: routes } });
  const hub = await openHub(config);
  const { store, keys, channels } = hub;
  const authority = await Authority.open(new KeyFolder(config.keys));
  await mkdir(config.state, { recursive: true, mode: 0o750 }).catch((error: unknown) => {
    throw diskError(error, config.state);
  });
  const fleet = new HubFleet({ store, authority, keys, clock, log, certificateLife: config.certificates.life });
  const environment = readEnvironment();
  const { credentialsDirectory } = environment;
  const origins = openOrigins({ config, hub, clock, log, meter, credentialsDirectory });
  const operators = new Operators({ store, clock });
  const certificates = new OperatorCertificates({ operators, authority, clock });
  const callers = new OperatorCallers({ operators, certificates });
  const api = (trusted: Actor | null): ListenerOptions['onRequest'] =>
    webApp(async () => {
      const { hubApi } = await import('../../hub/api/app.ts');
      const control = (who: Actor): Promise<HubControl> => storeControl({ config, who, log, store });
      return hubApi({ control, identify: (shown) => callers.identify(shown), trusted, log });
    });
  const service = new HubService({
    store,
    fleet,
    origins,
    clock,
    meter,
    log,
    api: { serve: api(null), operatorOf: (request) => callers.of(request)?.name ?? null },
    access: (line) => serviceLogs.access(line),
  });
  const host = new URL(config.publicUrl).hostname;
  const certificate = new ServerCertificate({ authority, host, clock, log });
  measureFleet(fleet, meter, clock);
  const termination = { draining: false };
  const admin: HubAdminPorts = {
    version,
    publicUrl: config.publicUrl,
    clock,
    log,
    store,
    channels,
    fleet,
    certificateUntil: () => certificate.until,
    waiting: () => service.waiting,
    draining: () => termination.draining,
    metrics: meter,
  };
  const manager = serviceManager({
    environment,
    status: () => `serving ${config.publicUrl}, ${service.waiting} PoPs wait for changes`,
    log,
  });

  const listeners: Listener[] = [];
  const listen = async (options: Omit<ListenerOptions, 'log'>): Promise<Listener> => {
    const listener = await openListener({ ...options, log });
    listeners.push(listener);
    log.info({ address: listener.address }, 'listening');
    return listener;
  };
  try {
    const secured = await listen({
      address: formatHostAndPort(config.listen.api),
      tls: await certificate.make(),
      clientsOf: authority.certificate,
      onRequest: service.handle,
      onRefused: (status) => service.refused(status),
    });
    certificate.keep((identity) => secured.identify(identity));
    const onRequest = webApp(async () => (await import('../../hub/admin/app.ts')).hubAdminApp(admin));
    await listen({ address: formatHostAndPort(config.listen.admin), onRequest });
    const bySocket = { kind: 'user', name: 'socket', id: null, from: null } as const;
    const onCommand = eitherOf({ admin: onRequest, api: api(bySocket) });
    await socketListener(log, () => listen({ address: config.listen.socket, onRequest: onCommand }));
  } catch (error) {
    certificate.close();
    await Promise.all(listeners.map((listener) => listener.drain(0)));
    await origins.close();
    throw error;
  }
  fleet.start();
  manager.live();
  log.info({ version, publicUrl: config.publicUrl, store: config.store.path }, 'serving');

  await untilTold(log, {
    drain,
    stop: async (milliseconds) => {
      termination.draining = true;
      manager.stopping();
      service.stopWaiting();
      await Promise.all(listeners.map((listener) => listener.drain(milliseconds)));
    },
  });
  certificate.close();
  await Promise.all([fleet.close(), origins.close()]);
  manager.close();
  log.info({}, 'stopped');
  serviceLogs.flush();
  return 0;
}

/** What comes by the socket: what the admin listener shows, and the API, for those who may use the socket. */
function eitherOf(of: Readonly<Record<'admin' | 'api', ListenerOptions['onRequest']>>): ListenerOptions['onRequest'] {
  return (request, response) => {
    const isApi = request.url?.startsWith('/api/v1/') === true && request.url !== '/api/v1/status';
    of[isApi ? 'api' : 'admin'](request, response);
  };
}
