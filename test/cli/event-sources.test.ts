import { expect, test } from 'vitest';
import type { ServiceEvent } from '../../gateway/admin/service-events.ts';
import type { CacheState, RepositoryState } from '../../base/status.ts';
import { EventSources } from '../../cli/event-sources.ts';
import { RunRecord } from '../../runs/run-record.ts';
import { StandingClock } from '../support/standing-clock.ts';

/** Sources over parts that the test changes by hand. */
function watched() {
  const clock = new StandingClock();
  const told: ServiceEvent[] = [];
  const sources = new EventSources({ tell: (event) => void told.push(event) }, clock);
  const world = {
    runs: [] as RunRecord[],
    repositories: [] as { subscription: string; path: string; state: RepositoryState; reason: string | null }[],
    cache: { state: 'ok' as CacheState, reason: null as string | null },
    notes: 0,
  };
  const begin = (): void =>
    sources.begin({
      runs: () => world.runs.filter(({ hasBegun }) => hasBegun),
      repositories: () => world.repositories.map((each) => ({ ...each })),
      cache: () => world.cache,
      noteProgress: () => void (world.notes += 1),
    });
  /** What is told within so many seconds. */
  const within = async (seconds: number): Promise<ServiceEvent[]> => {
    told.length = 0;
    for (let second = 0; second < seconds; second += 1) {
      await clock.sleeping(1, 1_000);
      clock.advance(1_000);
    }
    await clock.sleeping(1, 1_000);
    return [...told];
  };
  const newRun = (): RunRecord =>
    new RunRecord({ prefix: '', subscription: 'corp', kind: 'full', clock, observer: sources.runs });
  return { clock, sources, told, world, begin, within, newRun };
}

const failure = { path: 'a/x.rpm', code: 'upstream_missing' as const, reason: '404', attempts: 1, nextTry: null };

test('a run is told when it begins, each second in which it moved, for each failure, and when it ends', async () => {
  const { sources, told, world, begin, within, newRun } = watched();
  begin();
  const run = newRun();
  world.runs = [run];
  expect(await within(2)).toEqual([]);
  run.begin();
  expect(told).toMatchObject([{ event: 'run-started', run: { id: run.id, state: 'running', kind: 'full' } }]);
  expect(told[0]).not.toHaveProperty('run.failures');
  run.phase('packages').expect(3, 30);
  expect(await within(3)).toMatchObject([{ event: 'run-progress', run: { phases: [{ total: 3 }] } }]);
  run.failed(failure);
  expect(await within(1)).toMatchObject([{ event: 'run-progress', run: { failureCount: 1 } }]);
  run.end('failed');
  world.runs = [];
  expect(told.at(-1)).toMatchObject({ event: 'run-finished', run: { state: 'failed', failureCount: 1 } });
  await sources.close();
});

test('the first thousand failures of a run are told one by one', () => {
  const { told, newRun } = watched();
  const run = newRun();
  for (let n = 0; n < 1_500; n += 1) run.failed({ ...failure, path: `a/${n}` });
  expect(told).toHaveLength(1_000);
  expect(told.at(-1)).toMatchObject({
    event: 'run-failure',
    run: run.id,
    subscription: 'corp',
    failure: { path: 'a/999' },
  });
});

test('what is so already is no news; what changes, comes or goes is', async () => {
  const { sources, world, begin, within } = watched();
  const a = { subscription: 'corp', path: 'a', state: 'current' as RepositoryState, reason: null as string | null };
  world.repositories = [a];
  world.cache = { state: 'full', reason: 'no room' };
  begin();
  expect(await within(2)).toEqual([]);
  Object.assign(a, { state: 'behind', reason: 'no answer' });
  world.cache = { state: 'ok', reason: null };
  expect(await within(2)).toMatchObject([
    {
      event: 'repository-state',
      subscription: 'corp',
      path: 'a',
      state: 'behind',
      before: 'current',
      reason: 'no answer',
    },
    { event: 'cache-state', state: 'ok', before: 'full', reason: null },
  ]);
  world.repositories = [{ ...a, path: 'b', state: 'pending', reason: null }];
  expect(await within(1)).toMatchObject([
    { event: 'repository-state', path: 'b', state: 'pending', before: null },
    { event: 'repository-state', path: 'a', state: null, before: 'behind' },
  ]);
  sources.published({ subscription: 'corp', id: 'g' }, false);
  await sources.close();
});

test('how far runs are is written down every half a minute', async () => {
  const { sources, world, begin, within } = watched();
  begin();
  await within(61);
  expect(world.notes).toBe(2);
  await sources.close();
});
