import { describe, expect, test } from 'vitest';
import type { RunStatus } from '../../base/status.ts';
import { barLines, kindText, progressLine } from '../../cli/commands/sync-text.ts';
import { runBars, runLines } from '../../cli/run-display.ts';
import { runDocument } from '../support/contract-documents.ts';
import { StandingClock } from '../support/standing-clock.ts';

function packages(done: number, total: number): RunStatus['phases'][number] {
  return { name: 'packages', done, total, bytes: done * 1024, totalBytes: total * 1024 };
}

const metadata = { name: 'metadata', done: 4, total: 4, bytes: 4_000, totalBytes: 4_000 };
const full = (changes: Partial<RunStatus> = {}): RunStatus =>
  runDocument({
    kind: 'full',
    phases: [metadata, packages(120, 4_031)],
    rate: 2 * 1024 ** 2,
    secondsLeft: 200,
    ...changes,
  });

describe('what a run fetches is told at a glance', () => {
  test.each([
    ['on-demand', [metadata], 'metadata only; packages on demand'],
    ['on-demand', [metadata, packages(1, 20)], 'on demand, ahead where overridden: 1/20 packages'],
    ['full', [metadata], 'full'],
    ['full', [metadata, packages(120, 4_031)], 'full: 120/4,031 packages'],
    ['newest:3', [packages(7, 9)], 'newest 3 of each package: 7/9 packages'],
    ['verify', [metadata], ''],
  ])('%s with %j', (kind, phases, text) => {
    expect(kindText({ kind, phases })).toBe(text);
  });
});

test('a line says where a run stands, and how it ended', () => {
  expect(progressLine(full())).toBe(
    'corp: running: packages 120/4,031, 120 KiB/3.9 MiB, 2 MiB/s, 3 min left (full: 120/4,031 packages)',
  );
  expect(progressLine(full({ failureCount: 2, rate: null, secondsLeft: null }))).toBe(
    'corp: running: packages 120/4,031, 120 KiB/3.9 MiB, 2 failed (full: 120/4,031 packages)',
  );
  const ended = { finished: '2026-11-23T10:18:00Z', phases: [metadata] };
  expect(progressLine(full({ ...ended, state: 'cancelled', reason: 'requested' }))).toBe(
    'corp: cancelled (requested) in 3 min (full)',
  );
  expect(progressLine(runDocument({ ...ended, state: 'done', kind: 'verify', failureCount: 3, healedCount: 2 }))).toBe(
    'corp: done in 3 min, 1 failed',
  );
  expect(progressLine(runDocument({ state: 'planned', phases: [], kind: 'full' }))).toBe('corp: planned (full)');
});

test('a bar stands for each phase that is not done, the last with rate and kind', () => {
  const records = { ...metadata, done: 1, bytes: 1_000 };
  expect(barLines(full({ phases: [records, packages(2_015, 4_030)] }))).toEqual([
    'corp [######------------------]  25 % metadata 1/4, 1 KiB/3.9 KiB',
    'corp [############------------]  50 % packages 2,015/4,030, 2 MiB/3.9 MiB, 2 MiB/s, 3 min left (full: 2,015/4,030 packages)',
  ]);
  expect(barLines(full({ phases: [] }))).toEqual(['corp: running (full)']);
});

test('plain lines come for each step, and every ten seconds when only figures change', () => {
  const clock = new StandingClock();
  const lines: string[] = [];
  const watch = runLines(clock, (line) => lines.push(line));
  watch(full({ state: 'planned', phases: [], kind: 'full' }), []);
  watch(full({ phases: [packages(1, 9)] }), []);
  for (let done = 2; done <= 12; done += 1) {
    clock.advance(1_000);
    watch(full({ phases: [packages(done, 99)] }), []);
  }
  watch(full({ state: 'done', finished: '2026-11-23T10:18:00Z' }), []);
  expect(lines.map((line) => line.slice(0, line.indexOf(',') >>> 0))).toEqual([
    'corp: planned (full)',
    'corp: running: packages 1/9',
    'corp: running: packages 11/99',
    'corp: done in 3 min (full: 120/4',
  ]);
});

test('on a terminal the bars of several runs stand below each other, and how one ended above them', () => {
  const shown: (readonly string[])[] = [];
  const above: string[] = [];
  const watch = runBars({ show: (lines) => shown.push(lines), above: (line) => above.push(line) });
  watch(full({ id: 'a' }), []);
  watch(full({ id: 'b', subscription: 'vendor' }), []);
  expect(shown.at(-1)).toEqual([...barLines(full()), ...barLines(full({ subscription: 'vendor' }))]);
  watch(full({ id: 'a', state: 'done', finished: '2026-11-23T10:18:00Z' }), []);
  expect(above).toEqual(['corp: done in 3 min (full: 120/4,031 packages)']);
  expect(shown.at(-1)).toEqual(barLines(full({ subscription: 'vendor' })));
});
