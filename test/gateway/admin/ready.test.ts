import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { adminApp } from '../../../gateway/admin/app.ts';
import type { AdminPorts } from '../../../gateway/admin/ports.ts';
import { scriptedReadiness } from '../../support/scripted-readiness.ts';
import type { ScriptedReadiness } from '../../support/scripted-readiness.ts';

async function ask(
  path: string,
  {
    body,
    readiness = scriptedReadiness(),
    allowed = 'change',
  }: { body?: string; readiness?: ScriptedReadiness; allowed?: 'read' | 'change' } = {},
): Promise<{ status: number; document: unknown; location: string | null }> {
  // What readiness is answered with; nothing else is asked here.
  const ports = { clock: systemClock, logger: silentLogger, offlineReadiness: readiness, allowed };
  const app = adminApp(ports as unknown as AdminPorts);
  const response = await app.request(path, body === undefined ? {} : { method: 'POST', body });
  return { status: response.status, document: await response.json(), location: response.headers.get('location') };
}

test('counts are read by subscription, wherever one may read', async () => {
  const { status, document } = await ask('/api/v1/ready?subscription=a&subscription=b', { allowed: 'read' });
  expect([status, document]).toEqual([200, { counted: ['a', 'b'] }]);
});

test('a check is begun with all that may be said, read when it has ended, and its gap closed', async () => {
  const readiness = scriptedReadiness({ ready: false });
  const lists = { subscriptions: ['a'], repositories: ['a/**'], packages: ['p'], modules: ['m:1'] };
  const asked = { ...lists, host: 'x'.repeat(100_000), arch: 'aarch64', weak: false };
  const begun = await ask('/api/v1/ready', { body: JSON.stringify(asked), readiness });
  expect(begun).toEqual({ status: 202, document: { id: 'check-1' }, location: '/api/v1/ready/check-1' });
  expect(readiness.asked).toEqual([asked]);
  await ask('/api/v1/ready', { body: '{}', readiness });
  const defaults = {
    subscriptions: [],
    repositories: [],
    packages: [],
    modules: [],
    host: null,
    arch: null,
    weak: true,
  };
  expect(readiness.asked[1]).toEqual(defaults);
  expect(await ask('/api/v1/ready/check-1', { readiness })).toMatchObject({ status: 200, document: { ready: false } });
  expect(await ask('/api/v1/ready/check-1/fetch', { body: '', readiness })).toEqual({
    status: 202,
    document: { id: 'ready-1' },
    location: '/api/v1/syncs/ready-1',
  });
});

test('who asks before it has ended is told so after the seconds asked for', async () => {
  const readiness = scriptedReadiness(null);
  expect(await ask('/api/v1/ready/check-1?seconds=1', { readiness })).toMatchObject({
    status: 202,
    document: { id: 'check-1' },
  });
  expect((await ask('/api/v1/ready/check-1?seconds=99', { readiness })).status).toBe(400);
});

test.each([
  ['[]', /object/],
  ['no JSON', /object/],
  ['{"package":["a"]}', /package is not known/],
  ['{"packages":"a"}', /packages must be a list/],
  ['{"packages":[1]}', /packages must be a list/],
  ['{"host":["a"]}', /host must be a text/],
  ['{"weak":"no"}', /weak must be/],
])('the body %s is refused', async (body, reason) => {
  const readiness = scriptedReadiness();
  const { status, document } = await ask('/api/v1/ready', { body, readiness });
  expect([status, document]).toEqual([400, expect.objectContaining({ detail: expect.stringMatching(reason) })]);
  expect(readiness.asked).toEqual([]);
});

test('where changes are not allowed nothing is begun or fetched, and what nobody remembers is not found', async () => {
  expect((await ask('/api/v1/ready', { body: '{}', allowed: 'read' })).status).toBe(403);
  expect((await ask('/api/v1/ready/check-1/fetch', { body: '', allowed: 'read' })).status).toBe(403);
  expect((await ask('/api/v1/ready/check-2')).status).toBe(404);
  expect((await ask('/api/v1/ready/check-2/fetch', { body: '' })).status).toBe(404);
});
