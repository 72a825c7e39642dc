import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf, hexOf } from '../../../base/digest.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { openHubStore } from '../../../cli/hub/open-store.ts';
import { loadHubConfig } from '../../../config/hub/load.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import { Tokens } from '../../../hub/fleet/tokens.ts';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import { wholeObject } from '../../../hub/store/object-store.ts';
import type { AssignmentAnswer } from '../../../protocol/assignment.ts';
import { contentOf } from '../../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../../protocol/snapshot.ts';
import { tokenText } from '../../../protocol/token.ts';
import { csrOf, popKeys } from '../../hub/fleet/fleet-ground.ts';
import { succeed } from '../../support/command.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { NotifyReceiver } from '../../support/notify-receiver.ts';
import { describeWith, tool } from '../../support/tools.ts';

interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

async function ask(
  hub: HubProcess,
  agent: Agent,
  path: string,
  { body = '', ...options }: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port: hub.port, path, agent, ...options });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, etag: response.headers.etag, text };
}

/** A PoP of this name, registered, as its connections show it. */
async function registered(hub: HubProcess, name: string): Promise<Agent> {
  const config = loadHubConfig(hub.configFile);
  const store = await openHubStore(config);
  const tokens = new Tokens({ store, pops: new PopRecords({ store, clock: systemClock }), clock: systemClock });
  const { record, secret } = await tokens.create({ labels: {}, uses: 1, ttl: 60_000, by: 'test' });
  const { fingerprint, certificate: ca } = await Authority.open(new KeyFolder(config.keys));
  const token = tokenText({ url: hub.url, ca: fingerprint, id: record.id, secret });
  const keys = await popKeys();
  const stranger = new Agent({ ca, servername: 'localhost' });
  const body = JSON.stringify({ token, csr: await csrOf(keys), name });
  const answer = await ask(hub, stranger, '/v1/registrations', { method: 'POST', body });
  expect(answer).toMatchObject({ status: 201 });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  const { certificate: cert } = JSON.parse(answer.text) as { readonly certificate: string };
  return new Agent({ ca, cert, key, servername: 'localhost', keepAlive: true });
}

async function putBlob(hub: HubProcess, text: string): Promise<string> {
  const store = await openHubStore(loadHubConfig(hub.configFile));
  const digest = digestOf(text);
  await store.putIfAbsent(keysOf.blob(digest), wholeObject(Buffer.from(text)));
  return `/v1/blobs/sha256/${hexOf(digest)}`;
}

function emptySnapshot(name: string): SnapshotDocument {
  const content = contentOf({ policy: 'full', repositories: {} });
  const created = '2026-11-30T12:00:00.000Z';
  return { format: 1, name, created, policy: 'full', content, repositories: {} };
}

describe('hub serve', { timeout: 300_000 }, () => {
  test('registers a PoP, serves it, and shows how it does', async () => {
    await using hub = await HubProcess.start();
    const agent = await registered(hub, 'lyon');
    const path = await putBlob(hub, 'the bytes');
    expect(await ask(hub, agent, path)).toMatchObject({ status: 200, text: 'the bytes' });
    expect(await ask(hub, agent, '/v1/assignment')).toMatchObject({ status: 200, etag: expect.any(String) });

    const ready = await fetch(`${hub.admin}/healthz/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, expect.objectContaining({ ready: true, store: null })]);
    const metrics = await (await fetch(`${hub.admin}/metrics`)).text();
    expect(metrics).toContain('waystation_hub_requests_total{route="blobs",code="200"} 1');
    expect(metrics).toContain('waystation_hub_response_bytes_total{route="blobs"} 9');
    expect(metrics).toContain('waystation_hub_pop_state{pop="lyon",state="registered"} 1');
    expect(metrics).toContain('waystation_hub_process_resident_memory_bytes');
    const status = (await (await fetch(`${hub.admin}/api/v1/status`)).json()) as object;
    expect(status).toMatchObject({
      publicUrl: hub.url,
      ready: true,
      channels: [],
      pops: { registered: 1 },
      waiting: 0,
    });
    const line = hub.lines.find(({ msg, path: asked }) => msg === 'request' && asked === path);
    expect(line).toMatchObject({ method: 'GET', status: 200, bytes: 9, outcome: 'hit', pop: 'lyon' });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  test('tells of a promotion by another process at once, and after a kill as before', async () => {
    await using hub = await HubProcess.start();
    const agent = await registered(hub, 'lyon');
    const { etag = '' } = await ask(hub, agent, '/v1/assignment');
    const headers = { 'if-none-match': etag, prefer: 'wait=60' };
    const waiting = ask(hub, agent, '/v1/assignment', { headers });
    await vi.waitFor(async () => {
      const { waiting: count } = (await (await fetch(`${hub.admin}/api/v1/status`)).json()) as { waiting: number };
      expect(count).toBe(1);
    });
    const { channels } = await openHub(loadHubConfig(hub.configFile));
    const began = performance.now();
    await channels.promote('rhel9-prod', emptySnapshot('week-1'), { by: 'test', why: null });
    const changed = await waiting;
    // How soon it is on a machine that has nothing else to do: `npm run bench -- hub-service waiting`.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect([changed.status, Object.keys((JSON.parse(changed.text) as AssignmentAnswer).channels)]).toEqual([
      200,
      ['rhel9-prod'],
    ]);
    await hub.kill();
    await hub.launch();
    const kept = { headers: { 'if-none-match': changed.etag } };
    expect(await ask(hub, agent, '/v1/assignment', kept)).toMatchObject({ status: 304 });
  });

  test('has the API of operators, by token over TLS and without one by the socket', async () => {
    await using hub = await HubProcess.start();
    const { certificate: ca } = await Authority.open(new KeyFolder(loadHubConfig(hub.configFile).keys));
    const stranger = new Agent({ ca, servername: 'localhost' });
    expect((await ask(hub, stranger, '/api/v1/pops')).status).toBe(401);
    const made = await hub.run('token', 'create', '--role', 'admin', '--name', 'ci', '--ttl', '1h');
    const headers = { authorization: `Bearer ${made.stdout.trim()}` };
    await registered(hub, 'lyon');
    const listed = JSON.parse((await ask(hub, stranger, '/api/v1/pops', { headers })).text) as object;
    expect(listed).toMatchObject({ pops: [{ name: 'lyon', state: 'registered' }] });
    const own = { ...headers, 'content-type': 'application/json', 'content-length': '16' };
    const revoking = { method: 'POST', headers: own, body: '{"why":"stolen"}' };
    expect((await ask(hub, stranger, '/api/v1/pops/lyon/revoke', revoking)).status).toBe(200);
    const bySocket = await succeed('curl', ['-sS', '--unix-socket', hub.socket, 'http://hub/api/v1/audit']);
    const { audit } = JSON.parse(bySocket) as { audit: object[] };
    const who = { kind: 'operator', name: 'ci', from: expect.stringMatching(/127\.0\.0\.1$/) };
    expect(audit.at(-1)).toMatchObject({ what: 'pop.revoke', on: 'lyon', why: 'stolen', who });
    expect(hub.output).not.toContain(made.stdout.trim().slice(-20));
    const lines = hub.lines.filter(({ msg, path }) => msg === 'request' && String(path).startsWith('/api/'));
    expect(lines).toMatchObject([
      { status: 401, outcome: 'denied', operator: null },
      { status: 200, operator: 'ci', pop: null },
      { path: '/api/v1/pops/lyon/revoke', status: 200, operator: 'ci' },
    ]);
  });

  test('stops when it is told to: who waits is answered, who reads gets all of it', async () => {
    await using hub = await HubProcess.start();
    const agent = await registered(hub, 'lyon');
    const path = await putBlob(hub, 'x'.repeat(50_000_000));
    const { etag = '' } = await ask(hub, agent, '/v1/assignment');
    const waiting = ask(hub, agent, '/v1/assignment', { headers: { 'if-none-match': etag, prefer: 'wait=60' } });
    const reading = request({ host: '127.0.0.1', port: hub.port, path, agent }).end();
    const [response] = (await once(reading, 'response')) as [IncomingMessage];
    const ended = hub.stop();
    expect((await waiting).status).toBe(304);
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) length += chunk.length;
    expect(length).toBe(50_000_000);
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  test('refuses to start without store or keys, on a port in use, and says why', async () => {
    await using hub = await HubProcess.start();
    await using other = await HubProcess.prepare({ listen: { api: `127.0.0.1:${hub.port}`, admin: '127.0.0.1:0' } });
    other.begin();
    expect([await other.exited(), other.output]).toEqual([
      { code: 1, signal: null },
      expect.stringMatching(/cannot listen on .*in use/),
    ]);
    await rm(join(other.directory, 'keys', 'ca.key'));
    other.begin();
    expect([await other.exited(), other.output]).toEqual([
      { code: expect.any(Number), signal: null },
      expect.stringMatching(/ca\.key cannot be used: it does not exist/),
    ]);
    await writeFile(join(other.directory, 'store', 'FORMAT'), '{"program":"waystation hub","layout":99,"id":"x"}');
    other.begin();
    expect([await other.exited(), other.output]).toEqual([
      { code: expect.any(Number), signal: null },
      expect.stringMatching(/FORMAT is not that of a hub/),
    ]);
  });
});

describeWith([tool('python3')], 'hub serve and systemd', () => {
  test('it says that it is live, and that it stops', async () => {
    await using hub = await HubProcess.prepare();
    const address = join(hub.directory, 'notify');
    await using receiver = await NotifyReceiver.start(address);
    await hub.launch({ NOTIFY_SOCKET: address });
    await vi.waitFor(() => expect(receiver.lines()).toContain('READY=1'));
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
    await vi.waitFor(() => expect(receiver.lines()).toContain('STOPPING=1'));
  });
});
