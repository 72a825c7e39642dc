import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { webcrypto } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import { openHub } from '../../cli/hub/hub-parts.ts';
import type { HubParts } from '../../cli/hub/hub-parts.ts';
import { loadHubConfig } from '../../config/hub/load.ts';
import { PopRecords } from '../../hub/fleet/pop-records.ts';
import { Tokens } from '../../hub/fleet/tokens.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { x509 } from '../../hub/keys/x509.ts';
import { keysOf } from '../../hub/store/layout.ts';
import { wholeObject } from '../../hub/store/object-store.ts';
import { tokenText } from '../../protocol/token.ts';
import { freePort, output, startPinned, stopped, untilAnswering } from './processes.ts';
import type { Measured } from './processes.ts';

/** What a client shows itself by, PEM, and whom it trusts. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Registrations that one address may make at once: each further ten come from another one of loopback. */
const perAddress = 10;
const program = join(import.meta.dirname, '../../cli/waystation.ts');

/** A hub from the sources, in a folder of its own. */
export class BenchedHub implements Measured {
  readonly name = 'hub';
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What its commands act on, opened by this process. */
  readonly parts: HubParts;
  readonly #keys: string;
  readonly #stop: () => Promise<void>;

  private constructor(own: {
    readonly port: number;
    readonly pid: number;
    readonly parts: HubParts;
    readonly keys: string;
    readonly stop: () => Promise<void>;
  }) {
    this.url = `https://localhost:${own.port}`;
    this.port = own.port;
    this.pid = own.pid;
    this.parts = own.parts;
    this.#keys = own.keys;
    this.#stop = own.stop;
  }

  static async start(work: string, core: number): Promise<BenchedHub> {
    const [port, admin] = [await freePort(), await freePort()];
    const file = join(work, 'hub.yaml');
    const listen = { api: `127.0.0.1:${port}`, admin: `127.0.0.1:${admin}`, socket: join(work, 'hub.sock') };
    const places = { state: 'hub-state', store: { type: 'directory', path: 'hub-store' }, keys: 'hub-keys' };
    writeFileSync(file, JSON.stringify({ listen, publicUrl: `https://localhost:${port}`, ...places }));
    await output(process.execPath, [program, 'hub', 'init', '--config', file]);
    const child = startPinned(core, process.execPath, [program, 'hub', 'serve', '--config', file]);
    await untilAnswering(`http://127.0.0.1:${admin}/healthz/ready`);
    const config = loadHubConfig(file);
    const stop = (): Promise<void> => stopped(child);
    return new BenchedHub({ port, pid: child.pid ?? 0, parts: await openHub(config), keys: config.keys, stop });
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** Puts a file into the store. @returns where the hub gives it. */
  async putFile(path: string): Promise<string> {
    const bytes = readFileSync(path);
    const digest = digestOf(bytes);
    await this.parts.store.putIfAbsent(keysOf.blob(digest), wholeObject(bytes));
    return `/v1/blobs/${digest.replace(':', '/')}`;
  }

  /** Registers PoPs, each with a key of its own. */
  async register(count: number): Promise<Identity[]> {
    const { store } = this.parts;
    const { fingerprint, certificate: ca } = await Authority.open(new KeyFolder(this.#keys));
    const tokens = new Tokens({ store, pops: new PopRecords({ store, clock: systemClock }), clock: systemClock });
    const { record, secret } = await tokens.create({ labels: {}, uses: count, ttl: 3_600_000, by: 'bench' });
    const token = tokenText({ url: this.url, ca: fingerprint, id: record.id, secret });
    const identities: Identity[] = [];
    for (let number = 0; number < count; number += 1) {
      const localAddress = `127.0.0.${2 + Math.floor(number / perAddress)}`;
      const agent = new Agent({ ca, servername: 'localhost' });
      const { csr, key } = await signingRequest();
      const asked = request({
        host: '127.0.0.1',
        port: this.port,
        path: '/v1/registrations',
        method: 'POST',
        agent,
        localAddress,
      });
      asked.end(JSON.stringify({ token, csr, name: `pop${number}` }));
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response) text += String(chunk);
      if (response.statusCode !== 201) throw new Error(`a registration was answered ${response.statusCode}: ${text}`);
      agent.destroy();
      identities.push({ ca, key, cert: (JSON.parse(text) as { certificate: string }).certificate });
    }
    return identities;
  }
}

async function signingRequest(): Promise<{ readonly csr: string; readonly key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { Pkcs10CertificateRequestGenerator } = await x509();
  const made = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=pop', keys, signingAlgorithm: algorithm });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    csr: made.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
  };
}
