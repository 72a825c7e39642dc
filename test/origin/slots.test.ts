import * as fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { silentMeter } from '../../base/metrics.ts';
import { fromFirst } from '../../base/transfer.ts';
import type { Purpose } from '../../base/transfer.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import type { Passage } from '../../origin/traffic.ts';
import { StandingClock } from '../support/standing-clock.ts';

const one = 'https://one.example';
const two = 'https://two.example';
const never = new AbortController().signal;

function traffic(perHub: number, total: number, rate: number | null = null): Traffic {
  const rates = new RateSchedule(rate === null ? [] : [{ rate, during: null, timezone: 'UTC' }]);
  return new Traffic({ rates, transfers: { perHub, total }, clock: new StandingClock(), meter: silentMeter });
}

/** Wants a slot; `inside` once it has it. */
class Wanting {
  readonly passage: Passage;
  inside = false;

  constructor(on: Traffic, purpose: Purpose, origin: string, signal = never) {
    this.passage = on.passage(purpose);
    Promise.resolve(this.passage.enter(origin, signal)).then(
      () => (this.inside = true),
      () => {},
    );
  }
}

async function inside(wanting: readonly Wanting[]): Promise<number[]> {
  await setImmediate();
  return wanting.flatMap((each, index) => (each.inside ? [index] : []));
}

describe('transfers at a time', () => {
  test('are bounded for each hub and in all, and hubs take turns', async () => {
    const on = traffic(2, 3);
    const all = [one, one, one, one, two, two].map((origin) => new Wanting(on, 'background', origin));
    expect(await inside(all)).toEqual([0, 1, 4]);
    all[0]?.passage.leave();
    // The first in line of its hub.
    expect(await inside(all)).toEqual([0, 1, 2, 4]);
    all[1]?.passage.leave();
    expect(await inside(all)).toEqual([0, 1, 2, 4, 5]);
    expect(on.slots.busy.background).toBe(3);
    expect(on.slots.waiting.background).toBe(1);
  });

  test('are given to hubs in turn when the bound of all is reached', async () => {
    const on = traffic(1, 1);
    const begun = new Wanting(on, 'background', one);
    const all = [one, one, one, two, two].map((origin) => new Wanting(on, 'background', origin));
    const order: number[] = [];
    let leaving = begun;
    while (order.length < all.length) {
      leaving.passage.leave();
      const next = (await inside(all)).find((index) => !order.includes(index)) ?? -1;
      order.push(next);
      leaving = all[next] ?? begun;
    }
    expect(order).toEqual([0, 3, 1, 4, 2]);
  });

  test('clients never wait, and packages get what they leave, one at least', async () => {
    const on = traffic(2, 2);
    const clients = Array.from({ length: 5 }, () => new Wanting(on, 'client', one));
    const packages = Array.from({ length: 3 }, () => new Wanting(on, 'background', one));
    expect(await inside(clients)).toEqual([0, 1, 2, 3, 4]);
    expect(await inside(packages)).toEqual([0]);
    for (const { passage } of clients.slice(0, 4)) passage.leave();
    expect(await inside(packages)).toEqual([0]);
    clients[4]?.passage.leave();
    expect(await inside(packages)).toEqual([0, 1]);
  });

  test('metadata does not wait for packages', async () => {
    const on = traffic(1, 1);
    const packages = [new Wanting(on, 'background', one), new Wanting(on, 'background', one)];
    const records = [new Wanting(on, 'metadata', one), new Wanting(on, 'metadata', one)];
    expect(await inside(packages)).toEqual([0]);
    expect(await inside(records)).toEqual([0]);
    packages[0]?.passage.leave();
    records[0]?.passage.leave();
    expect(await inside(records)).toEqual([0, 1]);
  });

  test('are fewer when the rate would leave each too little', async () => {
    const on = traffic(8, 16, 256 * 1024);
    const packages = Array.from({ length: 4 }, () => new Wanting(on, 'background', one));
    expect(await inside(packages)).toEqual([0, 1]);
    const slow = traffic(8, 16, 1024);
    const alone = Array.from({ length: 4 }, () => new Wanting(slow, 'background', one));
    expect(await inside(alone)).toEqual([0]);
  });
});

describe('who becomes a client', () => {
  test('is let in at once', async () => {
    const on = traffic(1, 1);
    const packages = [0, 1, 2].map(() => new Wanting(on, 'background', one));
    packages[2]?.passage.hurry();
    expect(await inside(packages)).toEqual([0, 2]);
    expect(on.slots.busy).toEqual({ client: 1, metadata: 0, background: 1 });
  });

  test('leaves its slot to those who wait', async () => {
    const on = traffic(2, 2);
    const packages = [0, 1, 2].map(() => new Wanting(on, 'background', one));
    expect(await inside(packages)).toEqual([0, 1]);
    packages[0]?.passage.hurry();
    packages[0]?.passage.hurry();
    expect(on.slots.busy).toEqual({ client: 1, metadata: 0, background: 1 });
    packages[0]?.passage.leave();
    expect(await inside(packages)).toEqual([0, 1, 2]);
    expect(on.slots.busy).toEqual({ client: 0, metadata: 0, background: 2 });
  });

  test('just as it is let in is counted once', async () => {
    const on = traffic(1, 1);
    const packages = [0, 1].map(() => new Wanting(on, 'background', one));
    await inside(packages);
    packages[0]?.passage.leave();
    packages[1]?.passage.hurry();
    await inside(packages);
    packages[1]?.passage.leave();
    expect(on.slots.busy).toEqual({ client: 0, metadata: 0, background: 0 });
  });
});

test('who was let in once and left goes on without waiting: others may wait for it', async () => {
  const on = traffic(1, 1);
  const [begun, next] = [new Wanting(on, 'background', one), new Wanting(on, 'background', one)];
  expect(await inside([begun, next])).toEqual([0]);
  begun.passage.leave();
  expect(await inside([begun, next])).toEqual([0, 1]);
  await begun.passage.enter(two, never);
  expect(on.slots.busy.background).toBe(2);
});

test('who is called off while waiting leaves the line', async () => {
  const on = traffic(1, 1);
  const off = new AbortController();
  const first = new Wanting(on, 'background', one);
  const second = new Wanting(on, 'background', one, off.signal);
  const third = new Wanting(on, 'background', one);
  await inside([first, second, third]);
  off.abort(new Error('over'));
  first.passage.leave();
  expect(await inside([first, second, third])).toEqual([0, 2]);
  expect(on.slots.waiting.background).toBe(0);
});

test('whatever they do, nobody waits while there is room, bounds hold, and in the end nothing is taken', async () => {
  const step = fc.record({
    who: fc.nat(15),
    what: fc.constantFrom('enter', 'enter', 'leave', 'hurry', 'off'),
    origin: fc.constantFrom(one, two),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(fc.constantFrom(...fromFirst), { minLength: 16, maxLength: 16 }),
      async (steps, purposes) => {
        const on = traffic(2, 3);
        const offs = purposes.map(() => new AbortController());
        const passages = purposes.map((purpose) => on.passage(purpose));
        // One transfer at a time, as a loader has them.
        const entering = new Set<number>();
        for (const { who, what, origin } of steps) {
          const [passage, off] = [passages[who], offs[who]];
          if (passage === undefined || off === undefined) continue;
          if (what === 'enter' && !entering.has(who) && !off.signal.aborted) {
            entering.add(who);
            Promise.resolve(passage.enter(origin, off.signal)).then(
              () => entering.delete(who),
              () => entering.delete(who),
            );
          } else if (what === 'leave' && !entering.has(who)) passage.leave();
          else if (what === 'hurry') passage.hurry();
          else if (what === 'off') off.abort(new Error('over'));
          await setImmediate();
          const { busy, waiting } = on.slots;
          expect(waiting.client).toBe(0);
          if (busy.client + busy.metadata + busy.background === 0)
            expect(waiting).toEqual({ client: 0, metadata: 0, background: 0 });
        }
        for (let round = 0; round < 20; round++) {
          for (const [who, passage] of passages.entries()) if (!entering.has(who)) passage.leave();
          await setImmediate();
        }
        expect(entering.size).toBe(0);
        for (const passage of passages) passage.leave();
        expect(on.slots.busy).toEqual({ client: 0, metadata: 0, background: 0 });
        expect(on.slots.waiting).toEqual({ client: 0, metadata: 0, background: 0 });
      },
    ),
    { numRuns: 100 },
  );
});
