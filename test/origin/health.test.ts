import { beforeEach, describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { Health } from '../../origin/health.ts';
import type { OriginHealth } from '../../origin/origin-health.ts';
import { StandingClock } from '../support/standing-clock.ts';

const refused = new WaystationError('upstream_unreachable', 'http://o/f cannot be reached: refused');

let clock: StandingClock;
let all: Health;
let health: OriginHealth;
/** What the link does: answers, refuses, or swallows. */
let link: 'answers' | 'refuses' | 'hangs';
let probes: number[];

beforeEach(() => {
  clock = new StandingClock();
  all = new Health({ clock, log: silentLogger, random: () => 0.5 });
  health = all.of('http://o');
  link = 'refuses';
  probes = [];
});

async function probe(signal: AbortSignal): Promise<void> {
  probes.push(clock.monotonic());
  if (link === 'answers') return health.answered(null);
  if (link === 'refuses') throw refused;
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

function fail(times: number): void {
  for (let time = 0; time < times; time++) health.failed(refused, probe);
}

describe('the breaker', () => {
  test('opens at the fourth failure in a row, and then refuses at once with the reason', () => {
    fail(3);
    expect([health.open, health.refusal()]).toEqual([false, null]);
    fail(1);
    expect(health.refusal()).toMatchObject({ code: 'upstream_breaker_open', retryAfter: 5, cause: refused });
  });

  test('stays closed while most tries are answered, however many fail', () => {
    for (let time = 0; time < 1000; time++) {
      health.answered(null);
      if (time % 20 === 0) fail(1);
      expect(health.open).toBe(false);
    }
  });

  test('counts the last half minute only', async () => {
    for (let time = 0; time < 6; time++) {
      fail(1);
      await clock.step(100);
      health.answered(null);
      await clock.step(31_000);
    }
    fail(3);
    expect(health.open).toBe(false);
  });

  test('is one for all who ask the same origin', () => {
    fail(4);
    expect([all.of('http://o').open, all.of('http://other').open]).toEqual([true, false]);
  });

  test('closes with the first answer, and what failed before is forgotten', () => {
    fail(9);
    health.answered(null);
    expect([health.open, health.up]).toEqual([false, true]);
    fail(1);
    expect(health.open).toBe(false);
  });
});

describe('probing', () => {
  test('goes on until the origin answers, then ends', async () => {
    fail(4);
    await clock.step(6000);
    expect(probes).toEqual([1500, 3000, 4500, 6000]);
    link = 'answers';
    await clock.step(1500);
    expect([health.open, health.up, probes.length]).toEqual([false, true, 5]);
    await clock.step(60_000);
    expect(probes.length).toBe(5);
  });

  test('begins with the first failure, so that `up` does not wait for the next request', async () => {
    fail(1);
    expect([health.open, health.up]).toEqual([false, false]);
    link = 'answers';
    await clock.step(2000);
    expect(health.up).toBe(true);
  });

  test('finds an origin within 3 s of its healing although older probes still hang', async () => {
    link = 'hangs';
    fail(4);
    await clock.step(60_010);
    expect(health.state.breaker).toBe('half-open');
    link = 'answers';
    await clock.step(3000);
    expect(health.state.breaker).toBe('closed');
  });

  test('never has more than a handful of probes under way', async () => {
    link = 'hangs';
    let running = 0;
    let most = 0;
    health.failed(refused, async (signal) => {
      most = Math.max(most, ++running);
      try {
        await probe(signal);
      } finally {
        running--;
      }
    });
    await clock.step(120_000);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  test('ends when everything ends', async () => {
    fail(1);
    all.close(new WaystationError('cancelled', 'shutting down'));
    await clock.step(60_000);
    fail(1);
    await clock.step(60_000);
    expect(probes).toEqual([]);
  });
});

test('the state tells when an origin answered, what failed, and how far its clock is from ours', async () => {
  expect(all.states()).toEqual([
    { origin: 'http://o', breaker: 'closed', up: true, lastContact: null, lastError: null, clockDistance: null },
  ]);
  await clock.step(1000);
  health.answered(clock.now() + 7000);
  const contact = clock.now();
  await clock.step(1000);
  health.answered(null);
  fail(4);
  expect(all.states()).toEqual([
    {
      origin: 'http://o',
      breaker: 'open',
      up: false,
      lastContact: contact + 1000,
      lastError: { error: refused, at: clock.now() },
      clockDistance: 7000,
    },
  ]);
});

test('whoever asks for it is told every date that an origin gives', () => {
  const dates: number[] = [];
  const told = new Health({ clock, log: silentLogger, onDate: (date) => void dates.push(date) });
  told.of('http://one').answered(1_000);
  told.of('http://one').answered(null);
  told.of('http://other').answered(2_000);
  expect(dates).toEqual([1_000, 2_000]);
});
