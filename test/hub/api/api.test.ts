import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { hubInit } from '../../../cli/hub/init.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { storeControl } from '../../../cli/hub/store-control.ts';
import { parseHubConfig } from '../../../config/hub/load.ts';
import type { HubConfig } from '../../../config/hub/config.ts';
import { hubApi, operations } from '../../../hub/api/app.ts';
import { apiDocumentText } from '../../../hub/api/document.ts';
import type { Actor } from '../../../hub/audit/audit.ts';
import { OperatorCallers } from '../../../hub/operators/operator-callers.ts';
import { Operators } from '../../../hub/operators/operators.ts';
import type { OperatorRole } from '../../../hub/operators/operators.ts';
import { signed } from '../../../protocol/signed.ts';
import { contentOf } from '../../../protocol/snapshot.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import type { TemporaryDirectory } from '../../support/temporary-directory.ts';

const noTerminal = { out: () => {}, err: () => {}, paint: (_: string, text: string) => text };

let directory: TemporaryDirectory;
let config: HubConfig;
let operators: Operators;
let app: ReturnType<typeof hubApi>;

beforeEach(async () => {
  directory = await temporaryDirectory();
  const text =
    'publicUrl: https://hub.example.com\nstore: { type: directory, path: store }\nkeys: keys\nstate: state\n';
  config = parseHubConfig(text, join(directory.path, 'hub.yaml'));
  await hubInit(config, { json: true, isRestored: false }, noTerminal as never);
  const { store } = await openHub(config);
  operators = new Operators({ store, clock: systemClock });
  app = api(null);
});
afterEach(() => rm(directory.path, { recursive: true, force: true }));

/** Nothing here comes over TLS: operator-certificates.test.ts. */
const nobody = { identify: () => Promise.reject(new Error('no certificate')) };

function api(trusted: Actor | null): ReturnType<typeof hubApi> {
  const control = (who: Actor): ReturnType<typeof storeControl> => storeControl({ config, who, log: silentLogger });
  return hubApi({
    control,
    identify: (shown) => new OperatorCallers({ operators, certificates: nobody }).identify(shown),
    trusted,
    log: silentLogger,
  });
}

async function tokenOf(role: OperatorRole, ttl = 60_000): Promise<string> {
  return (await operators.create({ name: `a-${role}`, role, ttl, by: 'test' })).text;
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function ask(token: string | null, method: string, path: string, body?: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await app.request(`/api/v1${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: text }),
  });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('www-authenticate')).toBe(answer.status === 401 ? 'Bearer' : null);
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

async function snapshot(name: string): Promise<void> {
  const { snapshots, keys } = await openHub(config);
  const content = contentOf({ policy: 'full', repositories: {} });
  const created = '2026-11-30T12:00:00.000Z';
  const document = { format: 1, name, created, policy: 'full', content, repositories: {} };
  await snapshots.add(name, await signed('snapshot', document, keys.signer));
}

describe('the API of a hub', () => {
  test('lets nobody in who does not say who he is', async () => {
    const [viewer, ended] = [await tokenOf('viewer'), await tokenOf('admin', -1)];
    const revoked = await operators.create({ name: 'gone', role: 'admin', ttl: 60_000, by: 'test' });
    await operators.revoke(revoked.record.id, 'test');
    for (const token of [null, 'nonsense', `${viewer}x`, viewer.replace(/.{5}$/, 'aaaaa'), ended, revoked.text]) {
      for (const [method, path] of [
        ['GET', '/snapshots'],
        ['POST', '/tokens'],
        ['GET', '/nothing'],
      ] as const) {
        const { status, json } = await ask(token, method, path);
        expect([status, json['code']]).toEqual([401, 'unauthorized']);
        expect(JSON.stringify(json)).not.toContain(viewer.slice(-20));
      }
    }
    expect((await ask(viewer, 'GET', '/snapshots')).json).toEqual({ snapshots: [] });
  });

  test('asks for the role that its table has, of every operation', async () => {
    const tokens = {
      viewer: await tokenOf('viewer'),
      publisher: await tokenOf('publisher'),
      admin: await tokenOf('admin'),
    };
    const roles = ['viewer', 'publisher', 'admin'] as const;
    for (const { path, method, role } of operations) {
      const real = path.replaceAll(/\{\w+\}/g, '0123456789abcdef');
      for (const own of roles) {
        const body = method === 'get' || method === 'delete' ? undefined : {};
        const { json } = await ask(tokens[own], method.toUpperCase(), real, body);
        const isDenied = json['code'] === 'denied';
        expect([method, path, own, isDenied]).toEqual([method, path, own, roles.indexOf(own) < roles.indexOf(role)]);
      }
    }
  });

  test('promotes and rolls back, and notes who did', async () => {
    await snapshot('week-1');
    await snapshot('week-2');
    const token = await tokenOf('publisher');
    for (const name of ['week-1', 'week-2']) {
      const { status, json } = await ask(token, 'POST', '/channels/prod/promote', { snapshot: name, why: 'patch day' });
      expect([status, json]).toEqual([
        200,
        expect.objectContaining({ channel: 'prod', snapshot: name, by: 'a-publisher' }),
      ]);
    }
    const back = await ask(token, 'POST', '/channels/prod/rollback', {});
    expect(back.json).toMatchObject({ snapshot: 'week-1', sequence: 3, why: null });
    const { channels } = (await ask(token, 'GET', '/channels/prod')).json as { channels: object[] };
    expect(channels).toMatchObject([{ sequence: 3 }, { sequence: 2 }, { sequence: 1 }]);
    const { audit } = (await ask(token, 'GET', '/audit')).json as { audit: object[] };
    expect(audit.slice(-3)).toMatchObject([
      {
        what: 'channel.promote',
        on: 'prod',
        to: 'week-1',
        why: 'patch day',
        who: { kind: 'operator', name: 'a-publisher' },
      },
      { what: 'channel.promote', to: 'week-2' },
      { what: 'channel.rollback', to: 'week-1' },
    ]);
    expect((await ask(token, 'GET', '/audit?since=2999-01-01T00:00:00Z')).json).toEqual({ audit: [] });
    expect((await ask(token, 'GET', '/snapshots/week-2')).json).toMatchObject({ name: 'week-2', notes: [] });
  });

  test('promotes nothing that the gates do not let through, and says what they found', async () => {
    await snapshot('week-1');
    await writeFile(join(directory.path, 'gates.yaml'), 'exec: [ { name: never, command: [/bin/false] } ]\n');
    config = { ...config, gates: join(directory.path, 'gates.yaml') };
    const { status, json } = await ask(await tokenOf('publisher'), 'POST', '/channels/prod/promote', {
      snapshot: 'week-1',
    });
    expect([status, json['code'], json['detail']]).toEqual([409, 'gates_failed', expect.stringMatching(/exec:never/)]);
    expect((await ask(await tokenOf('viewer'), 'GET', '/channels')).json).toEqual({ channels: [] });
  });

  test('makes tokens that it tells once, and takes them back', async () => {
    const admin = await tokenOf('admin');
    const made = await ask(admin, 'POST', '/tokens', { labels: { site: 'lyon' }, uses: 2, ttl: 600 });
    expect(made.json).toMatchObject({ token: expect.stringMatching(/^wst1_/), uses: 2, url: config.publicUrl });
    const other = await ask(admin, 'POST', '/operators', { name: 'ci', role: 'viewer', ttl: 600 });
    expect((await ask(String(other.json['token']), 'GET', '/pops')).status).toBe(200);
    const { json: listed } = await ask(admin, 'GET', '/tokens');
    expect(listed['tokens']).toMatchObject([{ id: made.json['id'], state: 'good', labels: { site: 'lyon' } }]);
    expect(JSON.stringify(listed)).not.toMatch(/wst1_|wso1_|hash/);
    for (const { json } of [made, other])
      expect((await ask(admin, 'DELETE', `/tokens/${String(json['id'])}`)).status).toBe(200);
    expect((await ask(String(other.json['token']), 'GET', '/pops')).status).toBe(401);
    expect((await ask(admin, 'DELETE', '/tokens/0123456789abcdef')).json['code']).toBe('token_unknown');
  });

  test('says what PoPs are to do', async () => {
    const admin = await tokenOf('admin');
    expect((await ask(admin, 'GET', '/assignments')).json).toEqual({ assignments: null });
    const rules = [{ select: { site: 'lyon' }, channels: ['prod'], heartbeat: 10 }];
    const full = [{ ...rules[0], policy: null, deny: [] }];
    expect((await ask(admin, 'PUT', '/assignments', { assignments: rules })).json).toEqual({ assignments: full });
    const wrong = await ask(admin, 'PUT', '/assignments', { assignments: [{ deny: ['sha256:00'] }] });
    expect([wrong.status, wrong.json['detail']]).toEqual([400, expect.stringMatching(/assignments\.0\.deny\.0/)]);
    expect((await ask(admin, 'GET', '/assignments')).json).toEqual({ assignments: full });
  });

  test.each<[string, string, unknown, number, string]>([
    ['POST', '/channels/prod/promote', {}, 400, 'bad_request'],
    ['POST', '/channels/prod/promote', '{"snapshot":', 400, 'bad_request'],
    ['POST', '/channels/prod/promote', { snapshot: '../week' }, 400, 'bad_request'],
    ['POST', '/channels/prod/promote', { snapshot: 'none' }, 404, 'unknown_snapshot'],
    ['POST', '/channels/..%2fprod/promote', { snapshot: 'none' }, 400, 'bad_request'],
    ['POST', '/channels/prod/rollback', {}, 404, 'unknown_channel'],
    ['GET', '/snapshots/none', undefined, 404, 'unknown_snapshot'],
    ['GET', '/pops/none', undefined, 404, 'pop_unknown'],
    ['POST', '/pops/none/revoke', {}, 404, 'pop_unknown'],
    ['POST', '/tokens', { uses: 0 }, 400, 'bad_request'],
    ['POST', '/operators', { name: 'x', role: 'root', ttl: 1 }, 400, 'bad_request'],
    ['GET', '/audit?since=yesterday', undefined, 400, 'bad_request'],
    ['PATCH', '/channels', undefined, 405, 'method_not_allowed'],
    ['GET', '/nothing', undefined, 404, 'not_found'],
  ])('refuses %s %s with %j', async (...[method, path, body, status, code]) => {
    const { status: own, json } = await ask(await tokenOf('admin'), method, path, body);
    expect([own, json['code']]).toEqual([status, code]);
  });

  test('describes itself', async () => {
    const { json } = await ask(await tokenOf('viewer'), 'GET', '/openapi.json');
    expect(json).toEqual(JSON.parse(apiDocumentText()));
  });

  test('takes no body that is huge', async () => {
    app = api({ kind: 'user', name: 'socket', id: null, from: null });
    const { status, json } = await ask(null, 'PUT', '/assignments', { assignments: [], more: 'x'.repeat(2_000_000) });
    expect([status, json['code']]).toEqual([413, 'body_too_large']);
  });
});
