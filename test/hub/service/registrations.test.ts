import { describe, expect, test } from 'vitest';
import { RateLimit } from '../../../hub/service/rate-limit.ts';
import { rawConnection } from '../../support/raw-connection.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { ServedHub } from './served-hub.ts';

const body = JSON.stringify({ token: 'wst1_', csr: 'a request', name: 'lyon' });

describe('registrations', () => {
  test('are answered with credentials, 201 the first time', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(null);
    const asked = { method: 'POST', body };
    expect((await hub.ask(agent, '/v1/registrations', asked)).status).toBe(201);
    const again = await hub.ask(agent, '/v1/registrations', asked);
    expect([again.status, again.headers['cache-control'], again.json()]).toEqual([
      200,
      'no-store',
      expect.objectContaining({ pop: expect.objectContaining({ name: 'lyon' }) }),
    ]);
  });

  test.each<[string, string, number, string]>([
    ['is no JSON', 'token', 400, 'bad_request'],
    ['is no text', '\xff\xfe', 400, 'bad_request'],
    ['lacks the token', '{"csr":"x","name":"lyon"}', 400, 'bad_request'],
    ['has a name that is none', body.replace('lyon', '../lyon'), 400, 'bad_request'],
    ['is empty', '', 400, 'bad_request'],
    ['is huge', `{"token":"${'x'.repeat(70_000)}"}`, 413, 'body_too_large'],
  ])('are refused when the body %s', async (_what, text, status, code) => {
    await using hub = await ServedHub.start();
    const answer = await hub.ask(hub.agent(null), '/v1/registrations', { method: 'POST', body: text });
    expect([answer.status, answer.json()['code']]).toEqual([status, code]);
    expect(answer.headers.connection).toBe('keep-alive');
    expect(hub.fleet.registered).toEqual([]);
  });

  test('are refused when a body without a length goes on and on', async () => {
    await using hub = await ServedHub.start();
    const headers = { 'transfer-encoding': 'chunked' };
    const huge = { method: 'POST', headers, body: 'x'.repeat(70_000) };
    const answer = await hub.ask(hub.agent(null), '/v1/registrations', huge);
    expect([answer.status, answer.json()['code']]).toEqual([413, 'body_too_large']);
  });

  test('are refused at once, and the connection closed, when a body would never end', async () => {
    await using hub = await ServedHub.start();
    const connection = await rawConnection(hub.listener.port ?? 0, { tls: true });
    connection.send('POST /v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n{');
    expect((await connection.closed()).text).toMatch(/^HTTP\/1\.1 413 [^]*body_too_large/);
  });

  test('of one address are slowed down', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(null);
    const statuses: number[] = [];
    for (let n = 0; n < 11; n += 1)
      statuses.push((await hub.ask(agent, '/v1/registrations', { method: 'POST', body })).status);
    expect(statuses).toEqual([201, ...Array.from({ length: 9 }, () => 200), 429]);
    const refused = await hub.ask(agent, '/v1/registrations', { method: 'POST', body });
    expect([refused.json()['code'], Number(refused.headers['retry-after'])]).toEqual([
      'rate_limited',
      expect.toSatisfy((seconds: number) => seconds >= 1 && seconds <= 6),
    ]);
    expect(hub.fleet.registered).toHaveLength(10);
  });
});

describe('a rate limit', () => {
  test('counts each address by itself, a network of IPv6 as one, and forgives over time', () => {
    const clock = new StandingClock();
    const limit = new RateLimit({ most: 2, period: 60_000, clock });
    const taken = (...addresses: string[]): number[] => addresses.map((address) => limit.take(address));
    expect(taken('10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1', '10.0.0.2')).toEqual([0, 0, 30, 0]);
    expect(taken('2001:db8::1', '2001:db8:0:0:5::7', '2001:db8::2', '2001:db8:0:1::1')).toEqual([0, 0, 30, 0]);
    clock.advance(29_000);
    expect(taken('10.0.0.1')).toEqual([1]);
    clock.advance(1_000);
    expect(taken('10.0.0.1', '10.0.0.1')).toEqual([0, 30]);
  });
});

test('a heartbeat that is none is refused, one that is goes to the fleet', async () => {
  await using hub = await ServedHub.start();
  const agent = hub.agent(await hub.pop('lyon'));
  const document = {
    format: 1,
    version: '0.1.0',
    at: '2026-11-30T12:00:00Z',
    started: '2026-11-30T12:00:00Z',
    channels: [],
    traffic: { requests: 1, hits: 1, bytes: 1, upstreamBytes: 0 },
    cache: { state: 'ok', bytes: 1, max: 1, free: 1 },
  };
  const beat = (text: string): ReturnType<ServedHub['ask']> =>
    hub.ask(agent, '/v1/heartbeats', { method: 'POST', body: text });
  expect((await beat(JSON.stringify(document))).status).toBe(204);
  expect((await beat(JSON.stringify({ ...document, newer: true }))).status).toBe(204);
  const refused = await beat(JSON.stringify({ ...document, traffic: { ...document.traffic, hits: -1 } }));
  expect([refused.status, refused.json()['detail']]).toEqual([400, expect.stringMatching(/traffic\.hits/)]);
  expect(hub.fleet.heartbeats).toHaveLength(2);
});
