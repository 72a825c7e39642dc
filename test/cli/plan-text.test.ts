import { expect, test } from 'vitest';
import type { PlanCount, SubscriptionPlan } from '../../base/plan.ts';
import { planText } from '../../cli/commands/plan-text.ts';

const none = { files: 0, bytes: 0, unsized: 0 };

function plan(fetch: PlanCount, more: Partial<SubscriptionPlan> = {}): SubscriptionPlan {
  const total = { fetch, fetchStored: none, keep: none, keepShared: none, onDemand: none, denied: none, retire: none };
  return {
    subscription: 'corp',
    hubVersion: null,
    repositories: [{ path: 'a', policy: 'full', served: null, upstream: null, error: null, ...total }],
    total,
    read: none,
    carryOver: null,
    room: { needed: fetch.bytes, evictable: 0, used: 0, max: 1024, free: 1024, keepFree: 0, fits: true },
    rate: { allowed: 10, recent: null },
    paused: null,
    seconds: { allowed: 60, recent: null },
    error: null,
    ...more,
  };
}

const text = (of: SubscriptionPlan): string => planText(of, (_, words) => words);

test('what is known is said as it is', () => {
  const shown = text(plan({ files: 2, bytes: 600, unsized: 0 }));
  expect(shown).toMatch(/^corp: 2 files, 600 B to fetch/);
  expect(shown).toContain('time: 1 min by the limits (10 B/s now)');
  expect(shown).toContain('it fits: 600 B needed');
});

test('files of unknown size make time and room a least', () => {
  const shown = text(plan({ files: 3, bytes: 600, unsized: 1 }));
  expect(shown).toMatch(/^corp: 3 files, at least 600 B \(1 of unknown size\) to fetch/);
  expect(shown).toContain('time: at least 1 min by the limits');
  expect(shown).toContain('it fits, as far as sizes are known: at least 600 B needed');
  expect(text(plan({ files: 1, bytes: 0, unsized: 1 }))).toMatch(/^corp: 1 file of unknown size to fetch/);
});

test('a pause is told beside the time, and alone where nothing tells that', () => {
  const paused = { until: '2026-11-23T19:00:00.000Z' };
  const count = { files: 2, bytes: 600, unsized: 0 };
  expect(text(plan(count, { paused }))).toContain(
    'time: 1 min by the limits (10 B/s now); what is fetched ahead waits until 2026-11-23T19:00:00.000Z',
  );
  const seconds = { allowed: null, recent: null };
  expect(text(plan(count, { paused: { until: null }, seconds }))).toContain(
    'time: what is fetched ahead waits for good, as limits say',
  );
});
