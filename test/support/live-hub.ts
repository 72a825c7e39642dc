import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { openHub } from '../../cli/hub/hub-parts.ts';
import { hubInit } from '../../cli/hub/init.ts';
import { localUser } from '../../cli/hub/local-user.ts';
import { openOrigins } from '../../cli/hub/pull-through.ts';
import { snapshotCreate } from '../../cli/hub/snapshot-create.ts';
import { storeControl } from '../../cli/hub/store-control.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { loadAssignments } from '../../config/hub/assignments.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { loadHubConfig } from '../../config/hub/load.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { HubFleet } from '../../hub/fleet/hub-fleet.ts';
import { PopRecords } from '../../hub/fleet/pop-records.ts';
import { Tokens } from '../../hub/fleet/tokens.ts';
import type { NewToken } from '../../hub/fleet/tokens.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { HubService } from '../../hub/service/service.ts';
import { ServerCertificate } from '../../hub/service/server-certificate.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { tokenText } from '../../protocol/token.ts';
import { openListener } from '../../web/listener.ts';
import { freePorts } from './pop.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface LiveHubOptions {
  /** Milliseconds for which certificates of PoPs count; default 90 days. */
  readonly certificateLife?: number;
}

/** Answers a request in the place of the hub; false: it does not. */
type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * A hub inside the test's process, of the parts that `hub serve` is made of: store, keys, fleet and service on a port of
 * its own that stays over `stop` and `resume`.
 */
export class LiveHub implements AsyncDisposable {
  readonly directory: string;
  readonly config: HubConfig;
  readonly store: ObjectStore;
  readonly authority: Authority;
  /** Method and path of each request, in order. */
  readonly requests: string[] = [];
  /** Body bytes that went out. */
  bytes = 0;
  intercept: Intercept = () => false;
  readonly #resources = new AsyncDisposableStack();
  readonly #life: number;
  #running: AsyncDisposableStack | null = null;

  static async start({ certificateLife = 90 * 24 * 60 * 60_000 }: LiveHubOptions = {}): Promise<LiveHub> {
    const directory = await temporaryDirectory();
    const [port] = await freePorts(1);
    const file = join(directory.path, 'hub.yaml');
    const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
    await writeFile(file, `publicUrl: https://127.0.0.1:${port}\n${places}`);
    const config = loadHubConfig(file);
    await hubInit(config, { json: false, isRestored: false }, quiet);
    const authority = await Authority.open(new KeyFolder(config.keys));
    const hub = new LiveHub({ directory: directory.path, config, authority, certificateLife }, await openHub(config));
    hub.#resources.use(directory);
    await hub.resume();
    return hub;
  }

  private constructor(
    own: { directory: string; config: HubConfig; authority: Authority; certificateLife: number },
    { store }: { readonly store: ObjectStore },
  ) {
    this.directory = own.directory;
    this.config = own.config;
    this.authority = own.authority;
    this.#life = own.certificateLife;
    this.store = store;
  }

  get url(): string {
    return this.config.publicUrl;
  }

  /** Listens again, as a process that starts. */
  async resume(): Promise<void> {
    if (this.#running !== null) return;
    const running = new AsyncDisposableStack();
    this.#running = running;
    const [clock, log, meter] = [systemClock, silentLogger, silentMeter];
    const parts = await openHub(this.config);
    const { store, keys } = parts;
    const options = { store, keys, clock, log, authority: this.authority, certificateLife: this.#life };
    const fleet = new HubFleet(options);
    fleet.start();
    running.defer(() => fleet.close());
    const origins = openOrigins({ config: this.config, hub: parts, clock, log, meter, credentialsDirectory: null });
    running.defer(() => origins.close());
    const service = new HubService({
      store,
      fleet,
      origins,
      clock,
      meter,
      log,
      access: ({ bytes }) => void (this.bytes += bytes),
    });
    const { hostname, host } = new URL(this.url);
    const own = new ServerCertificate({ authority: this.authority, host: hostname, clock, log });
    const listener = await openListener({
      address: host,
      tls: await own.make(),
      clientsOf: this.authority.certificate,
      onRequest: (request, response) => {
        this.requests.push(`${request.method} ${request.url}`);
        if (!this.intercept(request, response)) service.handle(request, response);
      },
      log,
    });
    running.defer(async () => {
      service.stopWaiting();
      await listener.drain(0);
    });
  }

  /** Nobody can connect any more. */
  async stop(): Promise<void> {
    await this.#running?.disposeAsync();
    this.#running = null;
  }

  /** A registration token, as text. */
  async token(asked: Partial<NewToken> = {}, url = this.url): Promise<string> {
    const { store } = this;
    const tokens = new Tokens({ store, pops: new PopRecords({ store, clock: systemClock }), clock: systemClock });
    const { record, secret } = await tokens.create({ labels: {}, uses: 1, ttl: 60_000, by: 'test', ...asked });
    return tokenText({ url, ca: this.authority.fingerprint, id: record.id, secret });
  }

  /** Makes a snapshot of sources as `hub snapshot create --from` has them. @throws when something is missing. */
  async snapshot(name: string, repositories: readonly object[], policy = 'full'): Promise<void> {
    const from = join(this.directory, 'sources.yaml');
    await writeFile(from, JSON.stringify({ policy, repositories }));
    const said: string[] = [];
    const terminal = { ...quiet, err: (line: string): void => void said.push(line) };
    const request = { config: this.config, name, from, credentialsDirectory: null, json: false };
    if ((await snapshotCreate(request, terminal)) !== 0) throw new Error(said.join('\n'));
  }

  async promote(channel: string, snapshot: string): Promise<void> {
    await (await this.#control()).promote({ channel, snapshot, why: null });
  }

  async rollback(channel: string): Promise<void> {
    await (await this.#control()).rollback({ channel, why: null });
  }

  /** Puts assignments, as their file has them, in the place of those before. */
  async assign(assignments: readonly object[]): Promise<void> {
    const from = join(this.directory, 'assignments.yaml');
    await writeFile(from, JSON.stringify({ assignments: assignments.map((each) => ({ select: {}, ...each })) }));
    await (await this.#control()).setAssignments(loadAssignments(from));
  }

  /** Rows of `hub pops list --json`. */
  async pops(): Promise<readonly Record<string, unknown>[]> {
    return (await (await this.#control()).pops()).pops as unknown as Record<string, unknown>[];
  }

  async revoke(pop: string): Promise<void> {
    await (await this.#control()).revokePop(pop, null);
  }

  #control(): Promise<HubControl> {
    return storeControl({ config: this.config, who: localUser(), log: silentLogger });
  }

  /** Requests whose method and path fit. */
  count(pattern: RegExp): number {
    return this.requests.filter((request) => pattern.test(request)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#resources.disposeAsync();
  }
}

const quiet: Terminal = { out: () => {}, err: () => {}, paint: (_style, text) => text, live: null };
