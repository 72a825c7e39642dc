import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { Purpose } from '../../base/transfer.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import type { Passage } from '../../origin/traffic.ts';
import { StandingClock } from '../support/standing-clock.ts';

const hub = 'https://hub.example';
const minute = 60_000;
const every = Array<boolean>(7).fill(true);

/** It is 10:15; from 10:16 to 10:20 nothing is fetched ahead. One transfer of a hub at a time. */
function paused(perHub = 1): { clock: StandingClock; traffic: Traffic; said: string[] } {
  const clock = new StandingClock();
  const window = { days: every, from: 616, until: 620 };
  const rates = new RateSchedule([{ rate: null, pausesBackground: true, during: window, timezone: 'UTC' }]);
  const said: string[] = [];
  const log = { ...silentLogger, info: (_: object, message: string) => void said.push(message) };
  const traffic = new Traffic({ rates, transfers: { perHub, total: 16 }, clock, meter: silentMeter, log });
  return { clock, traffic, said };
}

async function entered(traffic: Traffic, purpose: Purpose, signal?: AbortSignal): Promise<[Passage, () => boolean]> {
  const passage = traffic.passage(purpose);
  let inside = false;
  Promise.resolve(passage.enter(hub, signal ?? new AbortController().signal)).then(
    () => (inside = true),
    () => {},
  );
  await setImmediate();
  return [passage, () => inside];
}

test('what is under way when a pause begins ends by itself, and nothing new begins until the pause is over', async () => {
  const { clock, traffic, said } = paused();
  const [running] = await entered(traffic, 'background');
  const [, isIn] = await entered(traffic, 'background');
  expect(traffic.status().paused).toBe(null);
  await clock.step(minute);
  expect(traffic.status().paused).toEqual({ until: '2026-11-23T10:20:00.000Z' });
  // The next connection of a transfer that was let in, such as after a cut, is no new one.
  running.leave();
  await running.enter(hub, new AbortController().signal);
  expect(traffic.slots.busy.background).toBe(1);
  running.leave();
  await clock.step(4 * minute - 1);
  expect([isIn(), traffic.slots.waiting.background]).toEqual([false, 1]);
  await clock.step(1);
  expect([isIn(), traffic.status().paused]).toEqual([true, null]);
  expect(said).toEqual(['background work waits, as limits say', 'background work goes on']);
});

test('clients and metadata do not notice a pause, and what a client asks for is no background work any more', async () => {
  const { clock, traffic } = paused(8);
  await clock.step(minute);
  const [waiting, isIn] = await entered(traffic, 'background');
  const [, client] = await entered(traffic, 'client');
  const [, metadata] = await entered(traffic, 'metadata');
  expect([isIn(), client(), metadata()]).toEqual([false, true, true]);
  waiting.hurry();
  await setImmediate();
  expect([isIn(), traffic.slots.busy.client]).toEqual([true, 2]);
});

test('who is called off while it waits leaves nothing behind, and all who wait begin together as slots allow', async () => {
  const { clock, traffic } = paused(2);
  await clock.step(minute);
  const off = new AbortController();
  await entered(traffic, 'background', off.signal);
  off.abort(new Error('called off'));
  await setImmediate();
  expect(traffic.slots.waiting.background).toBe(0);
  const three = [
    await entered(traffic, 'background'),
    await entered(traffic, 'background'),
    await entered(traffic, 'background'),
  ];
  await clock.step(4 * minute);
  expect(three.map(([, isIn]) => isIn())).toEqual([true, true, false]);
  three[0]?.[0].leave();
  await setImmediate();
  expect(three.map(([, isIn]) => isIn())).toEqual([true, true, true]);
});

test('a wall clock that is set forward ends a pause within seconds', async () => {
  const { clock, traffic } = paused();
  await clock.step(minute);
  const [, isIn] = await entered(traffic, 'background');
  let shift = 0;
  const now = clock.now.bind(clock);
  clock.now = () => now() + shift;
  shift = 60 * minute;
  await clock.step(10_000);
  expect(isIn()).toBe(true);
});
