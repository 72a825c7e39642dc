import { request } from 'node:https';
import { describe, expect, test, vi } from 'vitest';
import { secondsAsked } from '../../../hub/service/long-poll.ts';
import { ServedHub } from './served-hub.ts';

const assignment = '/v1/assignment';
/** What is the case now, and how long a change is waited for. */
const waiting = (seconds: number): object => ({ headers: { 'if-none-match': '"1"', prefer: `wait=${seconds}` } });

async function waitingPolls(hub: ServedHub): Promise<number> {
  return Number(/^waystation_hub_waiting_polls (\d+)$/m.exec((await hub.meter.render()).body)?.[1]);
}

describe('the assignment of a PoP', () => {
  test('is its own, and is told again only when it is another one', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const first = await hub.ask(agent, assignment);
    expect([first.status, first.headers.etag, first.json()]).toEqual([
      200,
      '"1"',
      { assignment: 'lyon 1', channels: {} },
    ]);
    expect((await hub.ask(agent, assignment, { headers: { 'if-none-match': '"1"' } })).status).toBe(304);
    expect((await hub.ask(agent, assignment, { headers: { 'if-none-match': '"0"' } })).status).toBe(200);
  });

  test('is answered as soon as it changes, and not for what changes elsewhere', async () => {
    await using hub = await ServedHub.start();
    const agents = [hub.agent(await hub.pop('lyon')), hub.agent(await hub.pop('oslo'))];
    const answers = agents.map((agent) => hub.ask(agent, assignment, waiting(60)));
    await vi.waitFor(async () => expect(await waitingPolls(hub)).toBe(2));
    const { asked } = hub.fleet;
    hub.fleet.tell();
    await vi.waitFor(() => expect(hub.fleet.asked).toBe(asked + 2));
    expect(await waitingPolls(hub)).toBe(2);
    hub.fleet.version = 2;
    const began = performance.now();
    hub.fleet.tell();
    for (const answer of await Promise.all(answers)) expect([answer.status, answer.headers.etag]).toEqual([200, '"2"']);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(await waitingPolls(hub)).toBe(0);
  });

  test('is answered when the time is over', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const began = performance.now();
    expect((await hub.ask(agent, assignment, waiting(1))).status).toBe(304);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(await waitingPolls(hub)).toBe(0);
  });

  test('is nobody waited with who has left', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const asked = request({
      host: '127.0.0.1',
      port: hub.listener.port,
      path: assignment,
      agent,
      ...waiting(60),
    }).end();
    asked.on('error', () => {});
    await vi.waitFor(async () => expect(await waitingPolls(hub)).toBe(1));
    asked.destroy();
    await vi.waitFor(async () => expect(await waitingPolls(hub)).toBe(0));
    await vi.waitFor(() => expect(hub.access).toMatchObject([{ status: 499, outcome: 'aborted' }]));
  });

  test('is refused to one who is revoked while he waits', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const answer = hub.ask(agent, assignment, waiting(60));
    await vi.waitFor(async () => expect(await waitingPolls(hub)).toBe(1));
    hub.fleet.revoked.add('lyon');
    hub.fleet.tell();
    expect((await answer).status).toBe(403);
  });

  test('is waited for by nobody when the hub stops', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const answer = hub.ask(agent, assignment, waiting(60));
    await vi.waitFor(async () => expect(await waitingPolls(hub)).toBe(1));
    hub.service.stopWaiting();
    expect((await answer).status).toBe(304);
  });
});

test.each([
  [undefined, 0],
  ['wait=30', 30],
  ['respond-async, WAIT = 5', 5],
  ['wait="7"; x=y, other', 7],
  ['wait=3600', 60],
  ['wait=-1', 0],
  ['await=9', 0],
  ['wait=soon', 0],
])('Prefer: %s waits for %i s', (prefer, seconds) => {
  expect(secondsAsked(prefer)).toBe(seconds);
});
