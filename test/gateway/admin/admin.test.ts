import { Readable } from 'node:stream';
import { Client } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import { silentLogger } from '../../../base/log.ts';
import { adminApp } from '../../../gateway/admin/app.ts';
import { EventLog } from '../../../gateway/admin/event-log.ts';
import type { AdminPorts, ImportAsked, Explanation, SubscriptionReadiness } from '../../../gateway/admin/ports.ts';
import { worst } from '../../../gateway/admin/status.ts';
import { statusDocumentOf, subscriptionDocument } from '../../support/contract-documents.ts';
import { scriptedGenerations } from '../../support/scripted-generations.ts';
import { scriptedReadiness } from '../../support/scripted-readiness.ts';
import { scriptedSubscriptions } from '../../support/scripted-subscriptions.ts';
import { unixService } from '../../support/unix-service.ts';

const explanation: Explanation = {
  path: '/content/edge/base/a.rpm',
  verdict: 'unavailable',
  subscription: 'corp',
  repository: 'edge/base',
  generation: '20261123T101500Z-1a2b3c4d',
  listed: { digest: `sha256:${'ab'.repeat(32)}`, size: 7 },
  held: false,
  source: 'disconnected',
  reason: 'listed, never fetched, and the upstream cannot be reached',
};

function ports(changes: Partial<AdminPorts> = {}): AdminPorts {
  return {
    version: '0.1.0',
    clock: systemClock,
    logger: silentLogger,
    subscriptions: scriptedSubscriptions({ documents: [subscriptionDocument()] }),
    cache: { status: () => statusDocumentOf([]).cache },
    transfers: () => statusDocumentOf([]).transfers,
    metrics: { render: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'waystation_x 1\n' }) },
    readiness: { draining: false, subscriptions: () => [] },
    explainer: { explain: (path) => Promise.resolve({ ...explanation, path }) },
    imports: { start: () => Promise.resolve('import-1') },
    verifications: { start: () => Promise.resolve('verify-1') },
    plans: { start: () => 'plan-1' },
    generations: scriptedGenerations(),
    offlineReadiness: scriptedReadiness(),
    events: { log: new EventLog(), open: 0 },
    allowed: 'read',
    ...changes,
  };
}

const get = (changes: Partial<AdminPorts>, path: string): Promise<Response> =>
  Promise.resolve(adminApp(ports(changes)).request(path));
const post = (changes: Partial<AdminPorts>, body: string): Promise<Response> =>
  Promise.resolve(adminApp(ports(changes)).request('/api/v1/syncs', { method: 'POST', body }));

describe('health', () => {
  test('is live once it answers', async () => {
    expect((await get({}, '/healthz/live')).status).toBe(200);
  });

  const one = (generation: string | null): SubscriptionReadiness => ({
    name: 'corp',
    state: 'disconnected',
    generation,
  });
  test.each([
    ['nothing is subscribed', false, [], 200],
    ['a generation is held, though the upstream is gone', false, [one('g')], 200],
    ['one of two subscriptions has a generation', false, [one(null), one('g')], 200],
    ['no subscription has a generation', false, [one(null), one(null)], 503],
    ['it drains', true, [one('g')], 503],
    ['it drains and nothing is subscribed', true, [], 503],
  ])('readiness when %s', async (_, draining, subscriptions, status) => {
    const response = await get({ readiness: { draining, subscriptions: () => subscriptions } }, '/healthz/ready');
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      ready: status === 200,
      draining,
      subscriptions: subscriptions.map((each) => ({ ...each, ready: each.generation !== null })),
    });
  });
});

describe('what can be read', () => {
  test('metrics come in their own content type', async () => {
    const response = await get({}, '/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await response.text()).toBe('waystation_x 1\n');
  });

  test('status is the contract document, and its state the worst of the subscriptions', async () => {
    const documents = [subscriptionDocument(), subscriptionDocument({ name: 'far', state: 'disconnected' })];
    const response = await get({ subscriptions: scriptedSubscriptions({ documents }) }, '/api/v1/status');
    expect(await response.json()).toEqual(statusDocumentOf(documents));
  });

  test('the worst state of none is connected, of two the worse', () => {
    expect(worst([])).toBe('connected');
    expect(worst(['connected', 'degraded'])).toBe('degraded');
    expect(worst(['disconnected', 'degraded'])).toBe('disconnected');
  });

  test('generations, all or of one subscription', async () => {
    const generation = (subscription: string) => ({
      id: `g-${subscription}`,
      subscription,
      created: '2026-11-23T10:15:00Z',
      current: true,
      pinned: false,
      rolledBack: false,
      hubVersion: null,
      repositories: {},
      packages: { listed: 0, held: 0 },
      bytes: { listed: 0, held: 0 },
    });
    const generations = [generation('corp'), generation('vendor')];
    const subscriptions = scriptedSubscriptions({ documents: [], generations });
    expect(await (await get({ subscriptions }, '/api/v1/generations')).json()).toEqual({ generations });
    expect(await (await get({ subscriptions }, '/api/v1/generations?subscription=vendor')).json()).toEqual({
      generations: [generation('vendor')],
    });
  });

  test('syncs newest first, and one by its id', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()], endsWith: () => ({}) });
    subscriptions.start('corp');
    subscriptions.start('corp');
    const { syncs } = (await (await get({ subscriptions }, '/api/v1/syncs')).json()) as { syncs: { id: string }[] };
    expect(syncs.map(({ id }) => id)).toEqual(['run-2', 'run-1']);
    expect(await (await get({ subscriptions }, '/api/v1/syncs/run-1')).json()).toEqual(syncs[1]);
    expect((await get({ subscriptions }, '/api/v1/syncs/run-9')).status).toBe(404);
  });

  test('an explanation of a request path, percent signs untouched', async () => {
    const response = await get({}, `/api/v1/explain?path=${encodeURIComponent('/content/edge/base/a%2Bb.rpm')}`);
    expect(await response.json()).toEqual({ ...explanation, path: '/content/edge/base/a%2Bb.rpm' });
    expect((await get({}, '/api/v1/explain')).status).toBe(400);
    expect((await get({}, '/api/v1/explain?path=edge/base')).status).toBe(400);
  });
});

describe('changes', () => {
  const start = '{"subscription":"corp"}';

  test('are refused where only reading is allowed, and nothing starts', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const response = await post({ subscriptions }, start);
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'denied', status: 403 });
    expect(subscriptions.started).toEqual([]);
  });

  test('a sync starts on the socket and is named', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const response = await post({ subscriptions, allowed: 'change' }, start);
    expect([response.status, await response.json()]).toEqual([202, { id: 'run-1' }]);
    expect(response.headers.get('location')).toBe('/api/v1/syncs/run-1');
    expect(subscriptions.started).toEqual(['corp']);
  });

  test('a sync of which repositories are forced', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const body = '{"subscription":"corp","force":["edge/base"]}';
    expect((await post({ subscriptions, allowed: 'change' }, body)).status).toBe(202);
    expect(subscriptions.forced).toEqual(['edge/base']);
  });

  test.each([
    ['POST', '/cancel'],
    ['DELETE', ''],
  ])('%s %s of a run calls it off, on the socket only, once', async (method, below) => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const id = subscriptions.start('corp');
    const ask = (allowed: AdminPorts['allowed'], name = id): Promise<Response> =>
      Promise.resolve(
        adminApp(ports({ subscriptions, allowed })).request(`/api/v1/syncs/${name}${below}`, { method, body: '{}' }),
      );
    expect((await ask('read')).status).toBe(403);
    expect(subscriptions.run(id)?.state).toBe('running');
    expect(await (await ask('change')).json()).toEqual({ id, cancelled: true, state: 'cancelled' });
    expect(await (await ask('change')).json()).toEqual({ id, cancelled: false, state: 'cancelled' });
    expect((await ask('change', 'nosuch')).status).toBe(404);
  });

  test('a run is called off by a real DELETE, and a body of unknown length is refused', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    await using running = await unixService(adminApp(ports({ subscriptions, allowed: 'change' })));
    const client = new Client('http://x', { socketPath: running.socket });
    onTestFinished(() => client.destroy());
    const id = subscriptions.start('corp');
    const deleted = await client.request({ method: 'DELETE', path: `/api/v1/syncs/${id}` });
    expect([deleted.statusCode, await deleted.body.json()]).toEqual([200, { id, cancelled: true, state: 'cancelled' }]);
    const body = Readable.from(['{"subscription":', '"corp"}']);
    const chunked = await client.request({ method: 'POST', path: '/api/v1/syncs', body });
    expect([chunked.statusCode, await chunked.body.json()]).toMatchObject([400, { code: 'bad_request' }]);
  });

  test.each([
    ['no JSON', 'subscription=corp', 400],
    ['nothing', '', 400],
    ['a list', '["corp"]', 400],
    ['another type', '{"subscription":1}', 400],
    ['a key that is not built', '{"subscription":"corp","plan":true}', 400],
    ['too much', `{"subscription":"${'x'.repeat(70_000)}"}`, 400],
    ['a repository to force that is no text', '{"subscription":"corp","force":[1]}', 400],
    ['a repository to force that is no list', '{"subscription":"corp","force":"edge/base"}', 400],
    ['an unknown name', '{"subscription":"nobody"}', 404],
  ])('a body with %s is refused', async (_, body, status) => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const response = await post({ subscriptions, allowed: 'change' }, body);
    expect(response.status).toBe(status);
    expect(subscriptions.started).toEqual([]);
  });
});

describe('an import', () => {
  const asked: ImportAsked[] = [];
  const imports = { start: (what: ImportAsked) => Promise.resolve((asked.push(what), 'import-1')) };
  const ask = (body: string, allowed: AdminPorts['allowed'] = 'change'): Promise<Response> => {
    asked.length = 0;
    const app = adminApp(ports({ imports, allowed }));
    return Promise.resolve(app.request('/api/v1/imports', { method: 'POST', body }));
  };

  test('starts on the socket and is a run among the syncs', async () => {
    const response = await ask('{"directory":"/srv/mirror"}');
    expect([response.status, await response.json()]).toEqual([202, { id: 'import-1' }]);
    expect(response.headers.get('location')).toBe('/api/v1/syncs/import-1');
    expect(asked).toEqual([{ directory: '/srv/mirror', subscription: null, link: false, dryRun: false }]);
    const whole = { directory: '/srv/a b', subscription: 'corp', link: true, dryRun: true };
    expect((await ask(JSON.stringify(whole))).status).toBe(202);
    expect(asked).toEqual([whole]);
  });

  test('is refused where only reading is allowed', async () => {
    expect((await ask('{"directory":"/srv/mirror"}', 'read')).status).toBe(403);
    expect(asked).toEqual([]);
  });

  test.each([
    ['no JSON', 'x'],
    ['null', 'null'],
    ['no folder', '{}'],
    ['a relative folder', '{"directory":"mirror"}'],
    ['a folder with a NUL', '{"directory":"/mirror\\u0000"}'],
    ['another type', '{"directory":"/mirror","link":1}'],
    ['a subscription that is no text', '{"directory":"/mirror","subscription":[]}'],
    ['an unknown key', '{"directory":"/mirror","move":true}'],
  ])('with %s is refused', async (_, body) => {
    expect((await ask(body)).status).toBe(400);
    expect(asked).toEqual([]);
  });
});

describe('a verification', () => {
  const verify = (changes: Partial<AdminPorts>, body: string, method = 'POST'): Promise<Response> =>
    Promise.resolve(
      adminApp(ports(changes)).request('/api/v1/verifications', method === 'GET' ? {} : { method, body }),
    );
  /** Verifications that write down what was asked for. */
  const asking = () => {
    const asked: unknown[] = [];
    return { asked, verifications: { start: (what: object) => Promise.resolve(`verify-${asked.push(what)}`) } };
  };

  test.each([{}, { subscription: 'corp' }, { path: 'edge/base' }])('of %j starts on the socket', async (what) => {
    const { asked, verifications } = asking();
    const response = await verify({ verifications, allowed: 'change' }, JSON.stringify(what));
    expect([response.status, await response.json()]).toEqual([202, { id: 'verify-1' }]);
    expect(response.headers.get('location')).toBe('/api/v1/syncs/verify-1');
    expect(asked).toEqual([what]);
  });

  test.each(['', '[]', '"corp"', 'null', '{"subscription":1}', '{"subscription":"a","path":"b"}', '{"force":"x"}'])(
    'of %s is refused',
    async (body) => {
      const { asked, verifications } = asking();
      expect((await verify({ verifications, allowed: 'change' }, body)).status).toBe(400);
      expect(asked).toEqual([]);
    },
  );

  test('is refused where only reading is allowed, and is nothing to read', async () => {
    const { asked, verifications } = asking();
    expect((await verify({ verifications }, '{}')).status).toBe(403);
    const read = await verify({ verifications, allowed: 'change' }, '', 'GET');
    expect([read.status, read.headers.get('allow')]).toEqual([405, 'POST']);
    expect(asked).toEqual([]);
  });
});

describe('the failures of a run', () => {
  const failures = Array.from({ length: 2_500 }, (_, index) => ({
    path: `edge/base/${index}.rpm`,
    code: 'upstream_missing' as const,
    reason: '404',
    attempts: 1,
    nextTry: null,
  }));
  const subscriptions = scriptedSubscriptions({
    documents: [subscriptionDocument()],
    endsWith: () => ({ state: 'failed', failures, failureCount: 9_000 }),
  });
  const id = subscriptions.start('corp');
  const json = async (path: string): Promise<Record<string, unknown>> =>
    (await (await get({ subscriptions }, path)).json()) as Record<string, unknown>;

  test('come in pages, of those that are known by name', async () => {
    const page = await json(`/api/v1/syncs/${id}/failures?from=2000`);
    expect(page).toEqual({ id, total: 9_000, named: 2_500, from: 2_000, next: null, failures: failures.slice(2_000) });
    const first = await json(`/api/v1/syncs/${id}/failures?limit=2`);
    expect(first).toMatchObject({ from: 0, next: 2, failures: failures.slice(0, 2) });
    expect(await json(`/api/v1/syncs/${id}/failures?from=9999`)).toMatchObject({ next: null, failures: [] });
  });

  test('are the first hundred in lists, the first thousand in the run, and as many as are asked for', async () => {
    const { syncs } = (await json('/api/v1/syncs')) as { syncs: { failures: unknown[]; failureCount: number }[] };
    expect(syncs.map((run) => [run.failures.length, run.failureCount])).toEqual([[100, 9_000]]);
    for (const [query, count] of [
      ['', 1_000],
      ['?failures=0', 0],
      ['?failures=7', 7],
      ['/wait?failures=3', 3],
    ] as const)
      expect((await json(`/api/v1/syncs/${id}${query}`))['failures']).toHaveLength(count);
  });

  test.each(['failures?from=-1', 'failures?limit=0', 'failures?limit=1001', '?failures=x', 'wait?failures=1001'])(
    '%s is refused',
    async (query) => {
      const path = `/api/v1/syncs/${id}${query.startsWith('?') ? '' : '/'}${query}`;
      expect((await get({ subscriptions }, path)).status).toBe(400);
    },
  );
});

describe('waiting for a sync', () => {
  test('answers with the run once it has ended', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const id = subscriptions.start('corp');
    const answer = get({ subscriptions }, `/api/v1/syncs/${id}/wait`);
    subscriptions.finish(id, { state: 'failed' });
    expect(await (await answer).json()).toMatchObject({ id, state: 'failed' });
  });

  test('answers with the running run when the time is over, and waits no longer than asked', async () => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const id = subscriptions.start('corp');
    const slept: number[] = [];
    const clock = { ...systemClock, sleep: (milliseconds: number) => Promise.resolve(void slept.push(milliseconds)) };
    const response = await get({ subscriptions, clock }, `/api/v1/syncs/${id}/wait?seconds=2`);
    expect(await response.json()).toMatchObject({ id, state: 'running' });
    expect(slept).toEqual([2000]);
  });

  test.each(['0', '61', '-1', '1.5', 'x', ''])('refuses %j seconds', async (seconds) => {
    const subscriptions = scriptedSubscriptions({ documents: [subscriptionDocument()] });
    const id = subscriptions.start('corp');
    expect((await get({ subscriptions }, `/api/v1/syncs/${id}/wait?seconds=${seconds}`)).status).toBe(400);
  });

  test('an unknown run is 404 at once', async () => {
    expect((await get({}, '/api/v1/syncs/run-9/wait')).status).toBe(404);
  });
});

describe('every answer', () => {
  test.each(['/', '/healthz', '/api/v1/status/', '/content/a', '/api/v2/status'])('%s is 404', async (path) => {
    const response = await get({}, path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'not_found' });
  });

  test.each([
    ['POST', '/api/v1/status', 'GET, HEAD'],
    ['DELETE', '/api/v1/syncs', 'GET, HEAD, POST'],
    ['GET', '/api/v1/imports', 'POST'],
    ['GET', '/api/v1/syncs/run-1/cancel', 'POST'],
    ['POST', '/api/v1/syncs/run-1', 'GET, HEAD, DELETE'],
    ['POST', '/api/v1/events', 'GET, HEAD'],
    ['PUT', '/healthz/live', 'GET, HEAD'],
    ['OPTIONS', '/api/v1/syncs/run-1/wait', 'GET, HEAD'],
  ])('%s %s is 405 and names what is possible', async (method, path, allow) => {
    const response = await adminApp(ports()).request(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
  });

  test('to HEAD has no body', async () => {
    const response = await adminApp(ports()).request('/healthz/live', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test('is never stored, framed or guessed at', async () => {
    for (const path of ['/healthz/live', '/api/v1/status', '/metrics', '/nothing', '/api/v1/events']) {
      const { headers } = await get({}, path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });

  test('a failure inside is logged with its reason and told without it', async () => {
    const logged: object[] = [];
    const logger: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
    const failure = new Error('/secret/place is broken');
    const response = await get({ logger, cache: { status: () => Promise.reject(failure) } }, '/api/v1/status');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(logged).toEqual([{ err: failure, path: '/api/v1/status' }]);
  });
});

describe('kept generations', () => {
  const change = (path: string, body = '{}', allowed: AdminPorts['allowed'] = 'change'): Promise<Response> =>
    Promise.resolve(adminApp(ports({ allowed })).request(path, { method: 'POST', body }));

  test('are pinned, unpinned, rolled back to and released on the socket', async () => {
    const answers = await Promise.all([
      change('/api/v1/generations/20261123T1/pin'),
      change('/api/v1/generations/%402026-11-23/unpin'),
      change('/api/v1/subscriptions/corp/rollback'),
      change('/api/v1/subscriptions/corp/rollback', '{"generation":"@2026-11-23"}'),
      change('/api/v1/subscriptions/corp/release', ''),
    ]);
    expect(await Promise.all(answers.map((answer) => answer.json()))).toMatchObject([
      { generation: '20261123T1', pinned: true },
      { generation: '@2026-11-23', pinned: false },
      { subscription: 'corp', generation: 'the one before' },
      { subscription: 'corp', generation: '@2026-11-23' },
      { subscription: 'corp', generation: 'newest', rolledBackSince: null },
    ]);
  });

  test.each([
    '/api/v1/generations/20261123T1/pin',
    '/api/v1/generations/20261123T1/unpin',
    '/api/v1/subscriptions/corp/rollback',
    '/api/v1/subscriptions/corp/release',
  ])('%s changes nothing over TCP, and answers nothing but POST', async (path) => {
    expect((await change(path, '{}', 'read')).status).toBe(403);
    const read = await get({ allowed: 'change' }, path);
    expect([read.status, read.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test.each(['', '[]', 'null', '{"generation":7}', '{"to":"x"}'])('a rollback asked by %j is refused', async (body) => {
    expect((await change('/api/v1/subscriptions/corp/rollback', body)).status).toBe(400);
  });

  test('are compared also over TCP, whole or one repository', async () => {
    const answer = await get({}, '/api/v1/diff?from=a&to=%402026-11-23&path=edge/base');
    expect([answer.status, await answer.json()]).toEqual([200, { from: 'a', to: '@2026-11-23', path: 'edge/base' }]);
    expect(await (await get({}, '/api/v1/diff?from=a&to=b')).json()).toEqual({ from: 'a', to: 'b', path: null });
    expect((await get({}, '/api/v1/diff?from=a')).status).toBe(400);
  });
});

describe('plans', () => {
  const asking = () => {
    const asked: (readonly string[])[] = [];
    const start = (names: readonly string[]): string => `plan-${asked.push(names)}`;
    return { asked, plans: { start } };
  };
  const ask = (changes: Partial<AdminPorts>, body: string): Promise<Response> =>
    Promise.resolve(adminApp(ports(changes)).request('/api/v1/plans', { method: 'POST', body }));

  test.each([
    ['{}', []],
    ['{"subscriptions":["corp","vendor"]}', ['corp', 'vendor']],
  ])('%s begins one, and says where its run is', async (body, names) => {
    const { asked, plans } = asking();
    const response = await ask({ plans, allowed: 'change' }, body);
    expect([response.status, response.headers.get('location')]).toEqual([202, '/api/v1/syncs/plan-1']);
    expect(asked).toEqual([names]);
  });

  test.each(['', '[]', '{"subscriptions":"corp"}', '{"subscriptions":[1]}', '{"subscription":"corp"}'])(
    'a body of %j begins none',
    async (body) => {
      const { asked, plans } = asking();
      expect((await ask({ plans, allowed: 'change' }, body)).status).toBe(400);
      expect(asked).toEqual([]);
    },
  );

  test('a listener that only reads begins none', async () => {
    const { asked, plans } = asking();
    expect((await ask({ plans }, '{}')).status).toBe(403);
    expect(asked).toEqual([]);
  });
});
