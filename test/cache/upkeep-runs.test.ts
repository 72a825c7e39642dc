import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { memoryNotes } from '../../cache/notes.ts';
import type { Notes } from '../../cache/notes.ts';
import { UpkeepRuns } from '../../cache/upkeep/upkeep-runs.ts';
import { StandingClock } from '../support/standing-clock.ts';

const verify = { kind: 'verify', subscription: null };
const wrong = { path: 'a', code: 'blob_damaged' as const, reason: 'wrong', attempts: 1, nextTry: null };

async function opened(notes: Notes = memoryNotes()) {
  const clock = new StandingClock();
  return { clock, runs: await UpkeepRuns.open({ notes, clock, log: silentLogger }) };
}

describe('a run of upkeep', () => {
  test('tells how far it is, how fast, and how long it still takes', async () => {
    const { runs, clock } = await opened();
    const go = Promise.withResolvers<void>();
    const { id } = runs.start(verify, async (run) => {
      const phase = run.phase('held files');
      phase.expect(2, 3_000);
      phase.read(1_000);
      phase.fileDone();
      clock.advance(10_000);
      await go.promise;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs.find(id)).toMatchObject({
      kind: 'verify',
      subscription: null,
      state: 'running',
      finished: null,
      phases: [{ name: 'held files', done: 1, total: 2, bytes: 1_000, totalBytes: 3_000 }],
      rate: 100,
      secondsLeft: 20,
    });
    go.resolve();
    expect(await runs.wait(id)).toMatchObject({ state: 'done', secondsLeft: 0, failures: [] });
  });

  test.each([
    ['nothing was wrong', [], 'done'],
    ['everything wrong was healed', [{ ...wrong, healed: true as const }], 'done'],
    ['anything wrong stayed so', [{ ...wrong, healed: true as const }, wrong], 'failed'],
  ])('when %s ends as it should', async (_, failures, state) => {
    const { runs } = await opened();
    const run = runs.start(verify, async (under) => failures.forEach((failure) => under.failed(failure)));
    expect(await run.ended).toMatchObject({ state, failures });
  });

  test('that throws has failed for that reason', async () => {
    const { runs } = await opened();
    const run = runs.start(verify, () => Promise.reject(new WaystationError('disk_failing', 'EIO')));
    expect(await run.ended).toMatchObject({ state: 'failed', failures: [{ path: '', code: 'disk_failing' }] });
  });

  test('names ten thousand failures, and counts them all', async () => {
    const { runs } = await opened();
    const run = runs.start(verify, async (under) => {
      for (let n = 0; n < 10_007; n += 1) under.failed({ ...wrong, path: `${n}` });
    });
    const { failures, failureCount } = await run.ended;
    expect([failures.length, failureCount, failures.at(-1)?.path]).toEqual([10_000, 10_007, '9999']);
  });

  test.each(['under way', 'waiting for its turn'])(
    'that is %s can be called off, and the next one goes on',
    async (which) => {
      const { runs } = await opened();
      const go = Promise.withResolvers<void>();
      let called = false;
      const first = runs.start(verify, async (_, signal) => {
        const off = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await Promise.race([go.promise, off]);
        signal.throwIfAborted();
      });
      const second = runs.start(verify, async () => void (called = true));
      await new Promise((resolve) => setImmediate(resolve));
      const { id } = which === 'under way' ? first : second;
      expect(await runs.cancel(id)).toBe(true);
      expect(runs.find(id)).toMatchObject({ state: 'cancelled', reason: 'requested', failures: [] });
      expect(await runs.cancel(id)).toBe(false);
      go.resolve();
      await Promise.all([first.ended, second.ended]);
      expect(called).toBe(which === 'under way');
      await expect(runs.cancel('nosuch')).rejects.toMatchObject({ code: 'not_found' });
    },
  );

  test('waits for the one of its kind before it, and for no other', async () => {
    const { runs } = await opened();
    const order: string[] = [];
    const go = Promise.withResolvers<void>();
    const first = runs.start(verify, async () => {
      await go.promise;
      order.push('first');
    });
    const second = runs.start(verify, async () => void order.push('second'));
    const other = runs.start({ kind: 'import', subscription: null }, async () => void order.push('other'));
    await other.ended;
    expect(runs.find(second.id)?.state).toBe('planned');
    go.resolve();
    await Promise.all([first.ended, second.ended]);
    expect(order).toEqual(['other', 'first', 'second']);
  });
});

describe('the runs of upkeep', () => {
  test('are known after a restart, the newest twenty of them', async () => {
    const notes = memoryNotes();
    const before = await opened(notes);
    for (let n = 0; n < 25; n += 1) await before.runs.start(verify, async () => {}).ended;
    await before.runs.close();
    const after = await opened(notes);
    expect(after.runs.list()).toHaveLength(20);
    expect(after.runs.list()).toEqual(before.runs.list());
    const [newest] = before.runs.list();
    expect(await after.runs.wait(newest?.id ?? '')).toEqual(newest);
  });

  test('that a kill interrupted are told as such, with how far they were', async () => {
    const notes = memoryNotes();
    const { runs: before } = await opened(notes);
    const ended = before.start({ kind: 'import', subscription: null }, async () => {});
    await ended.ended;
    const under = before.start(verify, () => new Promise(() => {}));
    const waits = before.start(verify, async () => {});
    await new Promise((resolve) => setImmediate(resolve));
    const { runs: after, clock } = await opened(notes);
    clock.advance(60_000);
    expect(after.find(under.id)).toMatchObject({
      state: 'failed',
      reason: 'interrupted',
      finished: expect.any(String),
    });
    expect(after.find(waits.id)).toMatchObject({ state: 'cancelled', reason: 'interrupted' });
    expect(after.find(ended.id)).toMatchObject({ state: 'done', reason: null });
    expect(await after.wait(under.id)).toMatchObject({ state: 'failed' });
    const { runs: later } = await opened(notes);
    expect(later.list()).toEqual(after.list());
  });

  test('are called off when the service stops: the one under way, and those that wait', async () => {
    const { runs } = await opened();
    const first = runs.start(verify, async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal.throwIfAborted();
    });
    let begun = false;
    const second = runs.start(verify, async () => void (begun = true));
    await new Promise((resolve) => setImmediate(resolve));
    await runs.close();
    expect([await first.ended, await second.ended]).toMatchObject([{ state: 'cancelled' }, { state: 'cancelled' }]);
    expect(begun).toBe(false);
    expect(() => runs.start(verify, async () => {})).toThrow(expect.objectContaining({ code: 'draining' }));
  });

  test('can be waited for by those who may leave, and not by a name that is none', async () => {
    const { runs } = await opened();
    const go = Promise.withResolvers<void>();
    const { id } = runs.start(verify, () => go.promise);
    const leaving = new AbortController();
    const waiting = runs.wait(id, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await expect(runs.wait('nosuch')).rejects.toMatchObject({ code: 'not_found' });
    go.resolve();
    expect(await runs.wait(id)).toMatchObject({ state: 'done' });
  });
});
