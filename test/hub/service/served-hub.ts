import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../base/clock.ts';
import { digestOf } from '../../../base/digest.ts';
import type { Algorithm, Digest } from '../../../base/digest.ts';
import { silentLogger } from '../../../base/log.ts';
import { prometheus } from '../../../cli/prometheus.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { newKey, publicHalf } from '../../../hub/keys/x509.ts';
import type { HubAccess } from '../../../hub/service/accounts.ts';
import { HubService } from '../../../hub/service/service.ts';
import type { Origins } from '../../../hub/service/ports.ts';
import { ServerCertificate } from '../../../hub/service/server-certificate.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import { wholeObject } from '../../../hub/store/object-store.ts';
import { openListener } from '../../../web/listener.ts';
import type { Listener } from '../../../web/listener.ts';
import { ScriptedFleet } from '../../support/scripted-fleet.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** What a client shows itself by. */
export interface ClientIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly json: () => Record<string, unknown>;
}

const hour = 60 * 60_000;

/** The service of a hub on a real port, over a real directory, with real certificates; the fleet is a script. */
export class ServedHub implements AsyncDisposable {
  readonly access: HubAccess[] = [];
  readonly meter = prometheus({ prefix: 'waystation_hub_' });
  readonly authority: Authority;
  readonly store: DirectoryStore;
  readonly fleet: ScriptedFleet;
  readonly service: HubService;
  readonly #resources = new AsyncDisposableStack();
  #listener: Listener | null = null;

  private constructor(authority: Authority, store: DirectoryStore, origins: Origins) {
    this.authority = authority;
    this.store = store;
    this.fleet = new ScriptedFleet(authority);
    this.service = new HubService({
      store,
      fleet: this.fleet,
      origins,
      clock: systemClock,
      meter: this.meter,
      log: silentLogger,
      access: (line) => void this.access.push(line),
    });
  }

  static async start(origins: Origins = { open: async () => null }): Promise<ServedHub> {
    const directory = await temporaryDirectory();
    const authority = await Authority.make(new KeyFolder(join(directory.path, 'keys')), 'localhost', Date.now());
    const root = join(directory.path, 'store');
    await mkdir(root);
    const lock = await storeLock(root, systemClock);
    const store = new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock });
    const hub = new ServedHub(authority, store, origins);
    hub.#resources.use(directory);
    const own = new ServerCertificate({ authority, host: 'localhost', clock: systemClock, log: silentLogger });
    const listener = await openListener({
      address: '127.0.0.1:0',
      tls: await own.make(),
      clientsOf: authority.certificate,
      onRequest: hub.service.handle,
      onRefused: (status) => hub.service.refused(status),
      log: silentLogger,
    });
    hub.#listener = listener;
    hub.#resources.defer(() => listener.drain(0));
    return hub;
  }

  get listener(): Listener {
    if (this.#listener === null) throw new Error('it does not listen yet');
    return this.#listener;
  }

  /** What a PoP of this name shows. @param ended milliseconds ago; default: it counts. */
  async pop(name: string, { by = this.authority, ended = -hour } = {}): Promise<ClientIdentity> {
    const key = newKey();
    const now = Date.now();
    const cert = await by.issue({
      publicKey: publicHalf(key),
      commonName: name,
      names: [{ type: 'url', value: `urn:waystation:pop:${name}` }],
      use: 'client',
      from: now - hour,
      until: now - ended,
    });
    return { cert, key };
  }

  /** Puts a file into the store, as a snapshot would. */
  async blob(bytes: Buffer, algorithm: Algorithm = 'sha256'): Promise<Digest> {
    const digest = digestOf(bytes, algorithm);
    await this.store.putIfAbsent(keysOf.blob(digest), wholeObject(bytes));
    return digest;
  }

  /** An agent whose connections show an identity; null: none. Closed with the hub. */
  agent(identity: ClientIdentity | null): Agent {
    const agent = new Agent({ keepAlive: true, ca: this.authority.certificate, servername: 'localhost', ...identity });
    this.#resources.defer(() => agent.destroy());
    return agent;
  }

  /** One request, over a connection of that agent. */
  async ask(agent: Agent, path: string, options: RequestOptions & { readonly body?: string } = {}): Promise<Answer> {
    const { body, ...others } = options;
    const asked = request({ host: '127.0.0.1', port: this.listener.port, path, agent, ...others });
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const json = (): Record<string, unknown> => JSON.parse(bytes.toString()) as Record<string, unknown>;
    return { status: response.statusCode ?? 0, headers: response.headers, body: bytes, json };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.service.stopWaiting();
    await this.#resources.disposeAsync();
  }
}
