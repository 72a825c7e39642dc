import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import { heartbeat } from '../../protocol/heartbeat.ts';
import { refusalOutcome } from '../../web/refusal-outcome.ts';
import { refuse } from '../../web/refuse.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { Accounts } from './accounts.ts';
import type { HubAccess, Route, Visit } from './accounts.ts';
import { Blobs } from './blobs.ts';
import { Callers } from './callers.ts';
import { jsonBody } from './json-body.ts';
import { AssignmentPolls } from './long-poll.ts';
import { Manifests } from './manifests.ts';
import type { Fleet, Origins } from './ports.ts';
import { RateLimit } from './rate-limit.ts';
import { Registrations } from './registrations.ts';
import { SmallFiles } from './small-files.ts';
import { digestNamed, listedAt, targetOf } from './target.ts';
import type { Target } from './target.ts';

/** Bytes of a heartbeat: a hundred channels with some failures each. */
const mostHeartbeatBytes = 1024 * 1024;

/** What operators ask, and who they are. */
export interface OperatorApi {
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  /** Name of the operator that sent a request; null: nobody has shown to be one. */
  readonly operatorOf: (request: IncomingMessage) => string | null;
}

export interface ServiceOptions {
  readonly store: Pick<ObjectStore, 'get' | 'open'>;
  readonly fleet: Fleet;
  readonly origins: Origins;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly log: Logger;
  /** The API of operators, who are known by other means than PoPs; absent: there is none. */
  readonly api?: OperatorApi;
  /** Where access lines go. */
  readonly access: (line: HubAccess) => void;
}

/** Bytes of small files kept in memory. */
const smallBytes = 64 * 1024 * 1024;
/** Registrations of one address: so many at once, and so many in a minute (milliseconds). */
const registrationRate = { most: 10, period: 60_000 };

const methods: Readonly<Record<Route, readonly string[]>> = {
  registrations: ['POST'],
  renewals: ['POST'],
  heartbeats: ['POST'],
  assignment: ['GET'],
  snapshots: ['GET', 'HEAD'],
  blobs: ['GET', 'HEAD'],
  api: [],
  none: [],
};

/**
 * Everything that PoPs ask of a hub (docs/hub-protocol.md). The order in which a request meets the parts: path → method
 * → who is asking → the small file at hand, or what the route does. Each is counted and logged once, when its response
 * has closed.
 */
export class HubService {
  readonly #fleet: Fleet;
  readonly #log: Logger;
  readonly #api: OperatorApi | null;
  readonly #accounts: Accounts;
  readonly #callers: Callers;
  readonly #registrations: Registrations;
  readonly #polls: AssignmentPolls;
  readonly #manifests: Manifests;
  readonly #blobs: Blobs;
  readonly #storeErrors: Counter;

  constructor({ store, fleet, origins, clock, meter, log, api, access }: ServiceOptions) {
    const callers = new Callers({ fleet, clock });
    this.#fleet = fleet;
    this.#log = log;
    this.#api = api ?? null;
    this.#accounts = new Accounts({ clock, meter, log: access });
    this.#callers = callers;
    this.#registrations = new Registrations({ fleet, callers, limit: new RateLimit({ ...registrationRate, clock }) });
    this.#polls = new AssignmentPolls({ fleet, callers, clock });
    this.#manifests = new Manifests(store);
    this.#blobs = new Blobs({ store, origins, small: new SmallFiles(smallBytes) });
    this.#storeErrors = meter.counter('store_errors_total', 'Requests that failed by the store', ['code']);
    const waiting = meter.gauge('waiting_polls', 'PoPs that wait for their assignment to change');
    waiting.collect(() => [[{}, this.#polls.waiting]]);
  }

  /** The listener refused a request by itself. */
  refused(status: number): void {
    this.#accounts.refused(status);
  }

  /** PoPs that wait for a change at this moment. */
  get waiting(): number {
    return this.#polls.waiting;
  }

  /** Whoever waits for a change is answered, and nobody waits any more: before the listener is drained. */
  stopWaiting(): void {
    this.#polls.close();
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const visit = this.#accounts.begin(request, response);
    try {
      const target = targetOf(request.url ?? '');
      visit.route = target.route;
      if (target.route === 'api' && this.#api !== null) return this.#serveOperator(visit, this.#api);
      this.#checkMethod(visit, target.route);
      visit.pop = this.#callers.atHand(request);
      if (visit.pop !== null && target.route === 'blobs' && this.#serveAtHand(visit, target)) return;
      void this.#serve(visit, target).catch((error: unknown) => this.#refuse(visit, error));
    } catch (error) {
      this.#refuse(visit, error);
    }
  };

  async #serve(visit: Visit, { route, rest, query }: Target): Promise<void> {
    const { request, response } = visit.exchange;
    visit.exchange.outcome = 'local';
    if (route === 'registrations') return this.#registrations.register(visit);
    if (route === 'renewals') return this.#registrations.renew(visit);
    visit.pop ??= await this.#callers.identify(request);
    if (route === 'assignment') return this.#polls.serve(visit);
    if (route === 'snapshots') return this.#manifests.serve(visit, rest);
    if (route === 'heartbeats') {
      await this.#fleet.heartbeat(visit.pop, await jsonBody(request, heartbeat, mostHeartbeatBytes));
      response.writeHead(204).end();
      return;
    }
    if (this.#serveAtHand(visit, { rest })) return;
    const digest = digestNamed(rest);
    if (digest === null) throw new WaystationError('not_found', 'a blob is named by algorithm and digest');
    await this.#blobs.serve(visit, { digest, listed: listedAt(query) });
  }

  #serveOperator(visit: Visit, api: OperatorApi): void {
    const { exchange } = visit;
    const { request, response } = exchange;
    // Before it is accounted for.
    response.prependOnceListener('close', () => {
      visit.operator = api.operatorOf(request);
    });
    response.once('finish', () => {
      exchange.outcome = response.statusCode >= 400 ? refusalOutcome(response.statusCode) : 'local';
    });
    api.serve(request, response);
  }

  #serveAtHand(visit: Visit, { rest }: Pick<Target, 'rest'>): boolean {
    const digest = digestNamed(rest);
    return digest !== null && this.#blobs.serveAtHand(visit, digest);
  }

  #checkMethod({ exchange: { request } }: Visit, route: Route): void {
    const allowed = methods[route];
    if (allowed.length === 0) throw new WaystationError('not_found', 'nothing is there');
    if (!allowed.includes(request.method ?? ''))
      throw new WaystationError('method_not_allowed', `${request.method} is not possible here`);
  }

  #refuse(visit: Visit, thrown: unknown): void {
    const { exchange, route } = visit;
    const { request, response } = exchange;
    const error = asWaystationError(thrown);
    if (error.source === 'disk') this.#storeErrors.inc({ code: error.code });
    if (error.source === 'disk' || error.code === 'internal') {
      this.#log.error({ err: thrown, path: exchange.target, pop: visit.pop?.name }, 'a request failed');
    }
    if (response.headersSent || response.destroyed) return void response.destroy();
    // Its body is not read to the end: what follows on this connection is none of our requests.
    if (!request.complete && request.method === 'POST') response.shouldKeepAlive = false;
    refuse(exchange, error, error.code === 'method_not_allowed' ? { allow: methods[route].join(', ') } : {});
  }
}
