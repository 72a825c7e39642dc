import { describe, expect, test } from 'vitest';
import { nobody, RunRecord } from '../../runs/run-record.ts';
import type { RunObserver } from '../../runs/run-record.ts';
import { StandingClock } from '../support/standing-clock.ts';

const failure = { path: 'a/x.rpm', code: 'upstream_missing' as const, reason: '404', attempts: 1, nextTry: null };

function begun(observer: RunObserver = nobody): { clock: StandingClock; run: RunRecord } {
  const clock = new StandingClock();
  const run = new RunRecord({ prefix: 'verify-', subscription: null, kind: 'verify', clock, observer });
  clock.advance(3_600_000);
  run.begin();
  return { clock, run };
}

describe('a run whose packages may not be begun now', () => {
  const pause = { until: Date.parse('2026-11-23T19:00:00Z') };
  const sync = { prefix: '', subscription: 'vendor', kind: 'full', clock: new StandingClock(), observer: nobody };

  test('says until when it waits instead of how long it takes, until they are dealt with', () => {
    const run = new RunRecord({ ...sync, pause: () => pause });
    run.begin();
    run.phase('metadata').expect(1, 10);
    expect(run.status()).not.toHaveProperty('paused');
    const packages = run.phase('packages');
    packages.expect(1, 10);
    expect(run.status()).toMatchObject({ paused: { until: '2026-11-23T19:00:00.000Z' }, secondsLeft: null });
    packages.fileDone();
    expect(run.status()).not.toHaveProperty('paused');
  });
});

describe('the pace of a run', () => {
  test('is not known before a second has gone, nor while nothing is left', () => {
    const { clock, run } = begun();
    const phase = run.phase('files');
    phase.expect(2, 2_000);
    phase.read(1_000);
    expect(run.status()).toMatchObject({ rate: null, secondsLeft: null });
    clock.advance(1_000);
    expect(run.status()).toMatchObject({ rate: 1_000, secondsLeft: 1 });
    phase.read(1_000);
    expect(run.status()).toMatchObject({ rate: 2_000, secondsLeft: null });
  });

  test('is that of the last 30 s, not of all the time', () => {
    const { clock, run } = begun();
    const phase = run.phase('files');
    phase.expect(2, 40_000_000);
    for (let second = 0; second < 60; second += 1) {
      phase.read(500_000);
      clock.advance(1_000);
    }
    expect(run.status()).toMatchObject({ rate: 500_000, secondsLeft: 20 });
    for (let second = 0; second < 60; second += 1) {
      phase.read(1_000);
      clock.advance(1_000);
    }
    expect(run.status()).toMatchObject({ rate: 1_000, secondsLeft: 9_940 });
    clock.advance(60_000);
    expect(run.status()).toMatchObject({ rate: 0, secondsLeft: null });
    run.end('done');
    expect(run.status()).toMatchObject({ rate: Math.round(30_060_000 / 180), secondsLeft: 0 });
  });

  test('counts what only had to be looked at for the time left, and not for the rate', () => {
    const { clock, run } = begun();
    const phase = run.phase('packages');
    phase.expect(3, 3_000);
    phase.read(1_000, 0);
    clock.advance(2_000);
    expect(run.status()).toMatchObject({ rate: 0, secondsLeft: 4 });
  });
});

describe('the failures of a run', () => {
  test('get the time of their next try when that is known', () => {
    const { run } = begun();
    run.failed(failure);
    run.failed({ ...failure, path: 'ab/x.rpm' });
    run.retriedAt('a', '2026-11-23T12:00:00Z');
    expect(run.status().failures.map(({ nextTry }) => nextTry)).toEqual(['2026-11-23T12:00:00Z', null]);
  });

  test('are named up to 10,000, and all counted', () => {
    const { run } = begun();
    for (let index = 0; index < 12_000; index += 1) run.failed({ ...failure, path: `a/${index}` });
    const { failures, failureCount } = run.status();
    expect([failures.length, failures.at(-1)?.path, failureCount]).toEqual([10_000, 'a/9999', 12_000]);
  });
});

test('who hears of a run hears of its beginning, each failure and its end', () => {
  const heard: string[] = [];
  const { run } = begun({
    begun: ({ id, state }) => heard.push(`${id} ${state}`),
    failed: (_, { path }) => heard.push(path),
    ended: ({ state }) => heard.push(state),
  });
  run.failed(failure);
  run.end('failed');
  expect(heard).toEqual([`${run.id} running`, 'a/x.rpm', 'failed']);
});

test('a run says why it did not come to its end, and nothing else says so', () => {
  const { run } = begun();
  run.cancel('requested');
  expect(run.status().reason).toBeNull();
  run.end('cancelled', 'stopping');
  expect(run.status()).toMatchObject({ state: 'cancelled', reason: 'requested' });
  const { run: other } = begun();
  other.end('failed', 'stopping');
  expect(other.status().reason).toBeNull();
});
