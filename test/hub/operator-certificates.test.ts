import type { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { hubInit } from '../../cli/hub/init.ts';
import { openHub } from '../../cli/hub/hub-parts.ts';
import { storeControl } from '../../cli/hub/store-control.ts';
import { webApp } from '../../cli/web-app.ts';
import { parseHubConfig } from '../../config/hub/load.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { hubApi } from '../../hub/api/app.ts';
import { HubFleet } from '../../hub/fleet/hub-fleet.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { OperatorCallers } from '../../hub/operators/operator-callers.ts';
import { OperatorCertificates } from '../../hub/operators/operator-certificates.ts';
import { Operators } from '../../hub/operators/operators.ts';
import type { OperatorRole } from '../../hub/operators/operators.ts';
import { HubService } from '../../hub/service/service.ts';
import type { HubAccess } from '../../hub/service/accounts.ts';
import { ServerCertificate } from '../../hub/service/server-certificate.ts';
import { popUri } from '../../protocol/registration.ts';
import { signed } from '../../protocol/signed.ts';
import { contentOf } from '../../protocol/snapshot.ts';
import { openListener } from '../../web/listener.ts';
import type { Listener } from '../../web/listener.ts';
import { prometheus } from '../../cli/prometheus.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { csrOf, day, popKeys } from './fleet/fleet-ground.ts';

/** A hub on a real port, with real certificates; the clock by which certificates end stands. */
class Ground {
  readonly resources = new AsyncDisposableStack();
  readonly clock = new StandingClock(Date.now());
  readonly access: HubAccess[] = [];
  config!: HubConfig;
  authority!: Authority;
  operators!: Operators;
  certificates!: OperatorCertificates;
  listener!: Listener;

  async start({ idleTimeout = 120_000, settings = '' } = {}): Promise<void> {
    const directory = this.resources.use(await temporaryDirectory());
    const text = `publicUrl: https://localhost\nstore: { type: directory, path: store }\nkeys: keys\nstate: state\n${settings}`;
    this.config = parseHubConfig(text, join(directory.path, 'hub.yaml'));
    const noTerminal = { out: () => {}, err: () => {}, paint: (_: string, own: string) => own };
    await hubInit(this.config, { json: true, isRestored: false }, noTerminal as never);
    const { config, clock } = this;
    const { store, keys } = await openHub(config);
    const authority = await Authority.open(new KeyFolder(config.keys));
    this.authority = authority;
    this.operators = new Operators({ store, clock });
    this.certificates = new OperatorCertificates({ operators: this.operators, authority, clock });
    const callers = new OperatorCallers({ operators: this.operators, certificates: this.certificates });
    const control = (who: Parameters<Parameters<typeof hubApi>[0]['control']>[0]) =>
      storeControl({ config, who, log: silentLogger, store });
    const serve = webApp(async () =>
      hubApi({ control, identify: (shown) => callers.identify(shown), trusted: null, log: silentLogger }),
    );
    const service = new HubService({
      store,
      fleet: new HubFleet({ store, authority, keys, clock, log: silentLogger, certificateLife: day }),
      origins: { open: async () => null },
      clock: systemClock,
      meter: prometheus({ prefix: 'waystation_hub_' }),
      log: silentLogger,
      api: { serve, operatorOf: (asked) => callers.of(asked)?.name ?? null },
      access: (line) => void this.access.push(line),
    });
    const own = new ServerCertificate({ authority, host: 'localhost', clock: systemClock, log: silentLogger });
    this.listener = await openListener({
      address: '127.0.0.1:0',
      tls: await own.make(),
      clientsOf: authority.certificate,
      onRequest: service.handle,
      log: silentLogger,
      limits: { idleTimeout },
    });
    this.resources.defer(() => this.listener.drain(0));
  }

  /** An operator, and the connections that show his certificate. */
  async operator(role: OperatorRole, ttl = day): Promise<{ readonly id: string; readonly agent: Agent }> {
    const keys = await popKeys();
    const asked = { name: `a-${role}`, role, ttl, by: 'test' };
    const { record, certificate } = await this.certificates.create(asked, await csrOf(keys));
    return { id: record.id, agent: await this.agent(certificate, keys) };
  }

  async agent(cert: string, keys: webcrypto.CryptoKeyPair): Promise<Agent> {
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
    const agent = new Agent({ ca: this.authority.certificate, servername: 'localhost', keepAlive: true, cert, key });
    this.resources.defer(() => agent.destroy());
    return agent;
  }

  /** @returns status and JSON. */
  async ask(
    agent: Agent,
    path: string,
    { method = 'GET', headers = {}, body = '' } = {},
  ): Promise<readonly [number, Record<string, unknown>]> {
    const length = body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const options = { host: '127.0.0.1', port: this.listener.port, path, agent, method };
    const asked = request({ ...options, headers: { ...headers, ...length } });
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return [response.statusCode ?? 0, JSON.parse(text) as Record<string, unknown>];
  }
}

let hub: Ground;

beforeEach(async () => {
  hub = new Ground();
  await hub.start();
});
afterEach(() => hub.resources.disposeAsync());

const pops = '/api/v1/pops';
const promotion = { method: 'POST', body: '{"snapshot":"none"}' };

test('an operator waits for his answer as long as gates take', { timeout: 60_000 }, async () => {
  await hub.resources.disposeAsync();
  hub = new Ground();
  await hub.start({ idleTimeout: 1_500, settings: 'gates: gates.yaml\n' });
  const gates = "exec: [ { name: slow, command: [ /bin/sh, -c, 'cat >/dev/null; sleep 5; exit 1' ] } ]\n";
  await writeFile(String(hub.config.gates), gates);
  const { snapshots, keys } = await openHub(hub.config);
  const content = contentOf({ policy: 'full', repositories: {} });
  const created = '2026-11-30T12:00:00.000Z';
  const document = { format: 1, name: 'one', created, policy: 'full', content, repositories: {} };
  await snapshots.add('one', await signed('snapshot', document, keys.signer));
  const { agent } = await hub.operator('publisher');
  const asked = { method: 'POST', body: '{"snapshot":"one"}' };
  const [status, { code }] = await hub.ask(agent, '/api/v1/channels/prod/promote', asked);
  expect([status, code]).toEqual([409, 'gates_failed']);
});

describe('an operator with a certificate', () => {
  test('acts as far as his role goes, and is named', async () => {
    const [{ agent: viewer }, { agent: publisher, id }] = [
      await hub.operator('viewer'),
      await hub.operator('publisher'),
    ];
    expect(await hub.ask(viewer, pops)).toEqual([200, { pops: [] }]);
    const refused = await hub.ask(viewer, '/api/v1/channels/prod/promote', promotion);
    expect(refused).toMatchObject([
      403,
      { code: 'denied', detail: expect.stringMatching(/role publisher, and you have viewer/) },
    ]);
    const [status, { code }] = await hub.ask(publisher, '/api/v1/channels/prod/promote', promotion);
    expect([status, code]).toEqual([404, 'unknown_snapshot']);
    const [, listed] = await hub.ask(publisher, '/api/v1/tokens');
    expect(listed['operators']).toContainEqual(expect.objectContaining({ id, kind: 'certificate', state: 'good' }));
    await expect
      .poll(() => hub.access.map(({ operator, status: own }) => [operator, own]))
      .toEqual([
        ['a-viewer', 200],
        ['a-viewer', 403],
        ['a-publisher', 404],
        ['a-publisher', 200],
      ]);
  });

  test('is known on a connection that resumes an earlier one', async () => {
    const { agent, id } = await hub.operator('viewer');
    const reused: boolean[] = [];
    // No certificate is sent again when a session is resumed.
    const resuming = new Agent({ ...agent.options, keepAlive: false });
    const asked = async (): Promise<number> => {
      const sent = request({ host: '127.0.0.1', port: hub.listener.port, path: pops, agent: resuming });
      sent.once('socket', (socket) =>
        socket.once('secureConnect', () => reused.push((socket as TLSSocket).isSessionReused())),
      );
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      await response.toArray();
      return response.statusCode ?? 0;
    };
    expect([await asked(), await asked()]).toEqual([200, 200]);
    await hub.operators.revoke(id, 'test');
    expect(await asked()).toBe(401);
    expect(reused).toEqual([false, true, true]);
  });

  test('who was revoked is out at once, on connections that are open', async () => {
    const { agent, id } = await hub.operator('admin');
    expect((await hub.ask(agent, pops))[0]).toBe(200);
    await hub.operators.revoke(id, 'test');
    const refused = await hub.ask(agent, pops);
    expect(refused).toMatchObject([
      401,
      { code: 'unauthorized', detail: expect.stringMatching(/certificate of a-admin was revoked/) },
    ]);
  });

  test('is out when the certificate has ended', async () => {
    const { agent } = await hub.operator('admin', 60_000);
    expect((await hub.ask(agent, pops))[0]).toBe(200);
    hub.clock.advance(61_000);
    // By a clock that has gone on since the connection was opened, and by all clocks when one is.
    const { agent: late } = await hub.operator('admin', -3_600_000);
    for (const refused of [await hub.ask(agent, pops), await hub.ask(late, pops)])
      expect(refused).toMatchObject([
        401,
        { code: 'unauthorized', detail: expect.stringMatching(/certificate ended/) },
      ]);
  });

  test('is no PoP, and a PoP is no operator', async () => {
    const { agent } = await hub.operator('admin');
    const refused = await hub.ask(agent, '/v1/assignment');
    expect(refused).toMatchObject([
      403,
      { code: 'certificate_refused', detail: expect.stringMatching(/not that of a PoP/) },
    ]);
    const keys = await popKeys();
    const publicKeyOf = await crypto.subtle.exportKey('spki', keys.publicKey);
    const issued = (value: string, by = hub.authority): Promise<string> =>
      by.issue({
        publicKey: Buffer.from(publicKeyOf),
        commonName: 'x',
        names: [{ type: 'url', value }],
        use: 'client',
        from: hub.clock.now(),
        until: hub.clock.now() + day,
      });
    const pop = await hub.agent(await issued(popUri('00000000-0000-4000-8000-000000000000')), keys);
    const noOperator = await hub.ask(pop, pops);
    expect(noOperator).toMatchObject([
      401,
      { code: 'unauthorized', detail: expect.stringMatching(/not that of an operator/) },
    ]);
    // Of an operator that there is, for another key.
    const { id } = await hub.operator('admin');
    const other = await hub.agent(await issued(`urn:waystation:operator:${id}`), keys);
    expect(await hub.ask(other, pops)).toMatchObject([
      401,
      { detail: expect.stringMatching(/this certificate is not known/) },
    ]);
    await using elsewhere = await temporaryDirectory();
    const stranger = await Authority.make(new KeyFolder(elsewhere.path), 'localhost', Date.now());
    const forged = await hub.agent(await issued(`urn:waystation:operator:${id}`, stranger), keys);
    expect(await hub.ask(forged, pops)).toMatchObject([
      401,
      { detail: expect.stringMatching(/not of this hub's authority/) },
    ]);
  });

  test('is who the token says where he shows one, and acts for no page of another site', async () => {
    const { agent } = await hub.operator('admin');
    const { text } = await hub.operators.create({ name: 'other', role: 'viewer', ttl: day, by: 'test' });
    const headers = { authorization: `Bearer ${text}` };
    expect((await hub.ask(agent, '/api/v1/channels/prod/promote', { ...promotion, headers }))[0]).toBe(403);
    expect((await hub.ask(agent, pops, { headers: { authorization: 'Bearer wrong' } }))[0]).toBe(401);
    const page = await hub.ask(agent, pops, { headers: { origin: 'https://example.com' } });
    expect(page).toMatchObject([403, { code: 'denied' }]);
  });

  test('gets one for a signing request only', async () => {
    const asked = { name: 'ci', role: 'viewer', ttl: day, by: 'test' } as const;
    await expect(hub.certificates.create(asked, 'nonsense')).rejects.toMatchObject({ code: 'bad_request' });
    const csr = await csrOf(await popKeys());
    await expect(hub.certificates.create({ ...asked, name: 'A B' }, csr)).rejects.toThrow(/no name of an operator/);
    const { agent } = await hub.operator('admin');
    const body = JSON.stringify({ name: 'ci', role: 'viewer', ttl: 60, csr });
    const made = await hub.ask(agent, '/api/v1/operators/certificates', { method: 'POST', body });
    expect(made).toMatchObject([
      200,
      { certificate: expect.stringMatching(/^-----BEGIN CERTIFICATE/), role: 'viewer' },
    ]);
  });
});
