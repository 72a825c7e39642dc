import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines } from '../../../origin/wire/deadlines.ts';
import type { Due } from '../../../origin/wire/deadlines.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

class Once implements Due {
  due: number;
  readonly times: number[] = [];
  readonly #deadlines: Deadlines;

  constructor(deadlines: Deadlines, milliseconds: number) {
    this.due = performance.now() + milliseconds;
    this.#deadlines = deadlines;
    deadlines.watch(this);
  }

  expired(): void {
    this.times.push(performance.now());
    this.#deadlines.forget(this);
  }
}

test('each comes at its time, whatever the order, and once', () => {
  const deadlines = new Deadlines();
  const began = performance.now();
  const all = [500, 100, 300, 100].map((milliseconds) => new Once(deadlines, milliseconds));
  vi.advanceTimersByTime(1000);
  expect(all.map(({ times }) => times.map((time) => Math.round(time - began)))).toEqual([[500], [100], [300], [100]]);
});

test('one that is moved on comes later, one that is moved up comes earlier, one that is forgotten never', () => {
  const deadlines = new Deadlines();
  const [later, earlier, never] = [100, 900, 200].map((milliseconds) => new Once(deadlines, milliseconds));
  if (later === undefined || earlier === undefined || never === undefined) throw new Error('there are three');
  later.due += 500;
  earlier.due -= 600;
  deadlines.nearer(earlier.due);
  deadlines.forget(never);
  vi.advanceTimersByTime(350);
  expect([later, earlier, never].map(({ times }) => times.length)).toEqual([0, 1, 0]);
  vi.advanceTimersByTime(300);
  expect([later, earlier, never].map(({ times }) => times.length)).toEqual([1, 1, 0]);
});

test('one that has no time keeps no timer', () => {
  const deadlines = new Deadlines();
  const never = new Once(deadlines, Infinity);
  expect(never.times).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
