import { describe, expect, test } from 'vitest';
import type { RunState } from '../../base/status.ts';
import { nobody, RunRecord } from '../../runs/run-record.ts';
import { mayBeCancelled, mayFollow } from '../../runs/run-state.ts';
import type { EndState } from '../../runs/run-state.ts';
import { StandingClock } from '../support/standing-clock.ts';

const states: readonly RunState[] = ['planned', 'running', 'publishing', 'done', 'failed', 'cancelled'];
/** Every legal step, written down once more. */
const legal = new Set([
  'planned running',
  'planned cancelled',
  'running publishing',
  'running done',
  'running failed',
  'running cancelled',
  'publishing done',
  'publishing failed',
  'publishing cancelled',
]);
const pairs = states.flatMap((from) => states.map((to) => [from, to] as const));

function newRun(): RunRecord {
  return new RunRecord({
    prefix: '',
    subscription: 'corp',
    kind: 'full',
    clock: new StandingClock(),
    observer: nobody,
  });
}

/** How a run comes into each state. */
const into: Readonly<Record<RunState, (run: RunRecord) => void>> = {
  planned: () => {},
  running: (run) => run.begin(),
  publishing: (run) => (run.begin(), run.publishing()),
  done: (run) => (run.begin(), run.end('done')),
  failed: (run) => (run.begin(), run.end('failed')),
  cancelled: (run) => run.end('cancelled', 'requested'),
};

/** The one call that asks for a state; nothing asks for `planned`. */
function step(run: RunRecord, to: RunState): void {
  if (to === 'planned') throw new Error('nothing makes a run planned');
  if (to === 'running') run.begin();
  else if (to === 'publishing') run.publishing();
  else run.end(to satisfies EndState);
}

describe('the states of a run', () => {
  test.each(pairs)('%s → %s goes exactly where the table says so', (from, to) => {
    const allowed = legal.has(`${from} ${to}`);
    expect(mayFollow[from][to]).toBe(allowed);
    const run = newRun();
    into[from](run);
    expect(run.state).toBe(from);
    if (allowed) step(run, to);
    else expect(() => step(run, to)).toThrow();
    expect(run.state).toBe(allowed ? to : from);
    expect(run.status().state).toBe(run.state);
  });

  test('are all in the table, and ends have nothing after them', () => {
    expect(Object.keys(mayFollow)).toEqual(states);
    for (const end of ['done', 'failed', 'cancelled'] satisfies EndState[])
      expect(Object.values(mayFollow[end])).not.toContain(true);
  });

  test.each(states)('%s: people may call it off exactly while nothing is being published', (state) => {
    const run = newRun();
    into[state](run);
    const allowed = state === 'planned' || state === 'running';
    expect(mayBeCancelled[state]).toBe(allowed);
    expect(run.cancel('requested')).toBe(allowed);
    expect(run.cancelled.aborted).toBe(allowed);
    expect(run.state).toBe(state);
  });
});
