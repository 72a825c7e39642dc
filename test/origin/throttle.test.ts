import { describe, expect, test } from 'vitest';
import { silentMeter } from '../../base/metrics.ts';
import type { Purpose } from '../../base/transfer.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import type { RateLimit } from '../../origin/rate-schedule.ts';
import { Throttle } from '../../origin/throttle.ts';
import { StandingClock } from '../support/standing-clock.ts';

const kib = 1024;
const never = new AbortController().signal;

function throttle(...limits: readonly RateLimit[]): { clock: StandingClock; throttle: Throttle } {
  const clock = new StandingClock(Date.parse('2026-01-14T06:59:58Z'));
  return { clock, throttle: new Throttle({ rates: new RateSchedule(limits), clock, meter: silentMeter }) };
}

function always(rate: number): RateLimit {
  return { rate, during: null, timezone: 'UTC' };
}

/** Transfers that read chunk after chunk as fast as they are let; `taken` counts the bytes of each. */
function readers(
  on: Throttle,
  purposes: readonly Purpose[],
  signal = never,
): { taken: number[]; payers: { purpose: Purpose }[] } {
  const taken = purposes.map(() => 0);
  const payers = purposes.map((purpose) => ({ purpose }));
  payers.forEach((payer, index) => {
    void (async () => {
      while (!signal.aborted) {
        taken[index] = (taken[index] ?? 0) + 16 * kib;
        await on.pay(payer, 16 * kib, signal);
      }
    })();
  });
  return { taken, payers };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('a limit', () => {
  test('holds over any time, but for a short burst and a chunk of each transfer', async () => {
    const { clock, throttle: on } = throttle(always(1000 * kib));
    const { taken } = readers(on, ['background', 'background', 'background']);
    let before = 0;
    for (let second = 1; second <= 20; second++) {
      await clock.step(1000);
      expect(sum(taken) - before).toBeLessThanOrEqual(1000 * kib + 100 * kib + 3 * 16 * kib);
      before = sum(taken);
    }
    expect(before / 20).toBeGreaterThan(990 * kib);
    // In turn, chunk by chunk.
    expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(16 * kib);
  });

  test('lets what was saved up go at once, but no more than a tenth of a second of it', async () => {
    const { clock, throttle: on } = throttle(always(1000 * kib));
    await clock.step(60_000);
    const payer = { purpose: 'client' } as const;
    let free = 0;
    while (on.pay(payer, 10 * kib, never) === undefined) free += 10 * kib;
    expect(free).toBe(100 * kib);
  });

  test('sleeps between chunks instead of looking again and again', async () => {
    const { clock, throttle: on } = throttle(always(10 * kib));
    let sleeps = 0;
    const counted = Object.assign(Object.create(clock) as StandingClock, {
      sleep: (milliseconds: number, signal?: AbortSignal) => {
        sleeps += 1;
        return StandingClock.prototype.sleep.call(clock, milliseconds, signal);
      },
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
    });
    const slow = new Throttle({ rates: new RateSchedule([always(10 * kib)]), clock: counted, meter: silentMeter });
    readers(slow, ['background', 'client']);
    await clock.step(16_000);
    // 160 KiB, in chunks of 16.
    expect(sleeps).toBeLessThanOrEqual(12);
    expect(on.busy).toBe(false);
    expect(slow.busy).toBe(true);
  });

  test('changes when its window begins and ends, also for those who wait', async () => {
    const { clock, throttle: on } = throttle(
      { rate: 16 * kib, during: { days: Array<boolean>(7).fill(true), from: 0, until: 420 }, timezone: 'UTC' },
      always(1600 * kib),
    );
    const { taken } = readers(on, ['background']);
    await clock.step(1900);
    expect(sum(taken)).toBeLessThanOrEqual(64 * kib + 4 * 16 * kib);
    const before = sum(taken);
    // Two seconds after the start it is 07:00.
    await clock.step(1100);
    expect(sum(taken) - before).toBeGreaterThan(1400 * kib);
  });

  test('that ends lets everybody go, and none costs nothing', async () => {
    const { clock, throttle: on } = throttle({
      rate: 1 * kib,
      during: { days: Array<boolean>(7).fill(true), from: 0, until: 420 },
      timezone: 'UTC',
    });
    const payer = { purpose: 'background' } as const;
    while (on.pay(payer, 1000 * kib, never) === undefined);
    const waiting = on.pay(payer, 1000 * kib, never);
    expect(on.busy).toBe(true);
    await clock.step(2000);
    await waiting;
    expect(on.busy).toBe(false);
    expect(on.pay(payer, 1000 * kib, never)).toBeUndefined();
  });

  test('counts what was read without waiting', async () => {
    const { clock, throttle: on } = throttle(always(100 * kib));
    on.charge(1000 * kib);
    const waiting = on.pay({ purpose: 'client' }, 1, never);
    let over = false;
    void waiting?.then(() => (over = true));
    await clock.step(9_000);
    expect(over).toBe(false);
    await clock.step(1_100);
    expect(over).toBe(true);
  });
});

describe('who goes first', () => {
  test('clients have what they need, metadata a tenth and background work a twentieth of it', async () => {
    const { clock, throttle: on } = throttle(always(1000 * kib));
    const { taken } = readers(on, ['background', 'metadata', 'client', 'background']);
    await clock.step(60_000);
    const [one = 0, metadata = 0, client = 0, other = 0] = taken;
    expect(client / sum(taken)).toBeGreaterThan(0.84);
    expect(metadata / client).toBeCloseTo(0.1, 1);
    expect((one + other) / client).toBeGreaterThan(0.045);
    expect((one + other) / client).toBeLessThan(0.07);
  });

  test('what clients leave is for the others', async () => {
    const { clock, throttle: on } = throttle(always(1000 * kib));
    const leaving = new AbortController();
    const client = readers(on, ['client'], leaving.signal);
    const { taken } = readers(on, ['background']);
    await clock.step(10_000);
    leaving.abort();
    const [before = 0] = taken;
    await clock.step(10_000);
    expect(sum(taken) - before).toBeGreaterThan(9_900 * kib);
    expect(sum(client.taken)).toBeLessThan(10_200 * kib);
  });

  test('who becomes a client while waiting goes before those who came earlier', async () => {
    const { clock, throttle: on } = throttle(always(16 * kib));
    on.charge(16 * kib);
    const order: string[] = [];
    const payers = ['first', 'second'].map((name) => ({ name, purpose: 'background' as Purpose }));
    for (const payer of payers) void on.pay(payer, 16 * kib, never)?.then(() => order.push(payer.name));
    const [, second] = payers;
    if (second === undefined) throw new Error('there are two');
    second.purpose = 'client';
    on.hurried(second, 'background');
    await clock.step(10_000);
    expect(order).toEqual(['second', 'first']);
  });
});

test('who is called off does not wait any longer, and is no burden for others', async () => {
  const { clock, throttle: on } = throttle(always(1));
  on.charge(1_000_000);
  const off = new AbortController();
  const waiting = on.pay({ purpose: 'background' }, kib, off.signal);
  off.abort();
  await waiting;
  // Nothing sleeps for it any more.
  await clock.step(0);
  expect(on.busy).toBe(false);
});
