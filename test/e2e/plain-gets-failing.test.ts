import { describe, expect, test } from 'vitest';
import { FaultyOrigin, flippedAt, Gate, hang, noAnswer, status } from '../support/faulty-origin.ts';
import type { Lie } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Pop } from '../support/pop.ts';

const count = 1000;
const names = Array.from({ length: count }, (_, index) => `p/package-${String(index).padStart(4, '0')}.rpm`);
/** `transfers.perHub`. */
const slots = 16;
/** Small before large: they come in this order. */
const packages = Object.fromEntries(names.map((name, index) => [name, `${name} `.repeat(10).padEnd(500 + index)]));
/** The last three, which the upstream does not give as it gave those before. */
const spoiled = /package-099[789]\.rpm$/;

/** What a run of everything comes to when the last files are answered so. @param own fields of the repository. */
async function failing(lie: Lie, own: object) {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages, types: ['primary'] });
  origin.on(spoiled, lie);
  const repositories = [{ path: 'r', url: `${origin.url}r/`, ...own }];
  const vendor = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories };
  await using pop = await Pop.start({ config: { subscriptions: [vendor] } });
  const { code } = await pop.run('sync', '--wait');
  await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.packages.held === count - 3);
  const [run] = await pop.runs();
  // Of the repository it says which of them failed first.
  const why = run?.failures.map((each) => [each.path, each.code, each.path === 'r' ? '' : each.reason]);
  const metrics = await pop.metrics();
  const ends = [...metrics].flatMap(([name, value]) => {
    const [, end] = /^plain_gets_total\{end="(.*)"\}$/.exec(name) ?? [];
    return end === undefined || value === 0 ? [] : [[end, value] as const];
  });
  const asked = origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
  return {
    ends: new Map(ends),
    asked: asked.filter((path) => spoiled.test(path)).length,
    others: asked.filter((path) => !spoiled.test(path)).length,
    outcome: {
      code,
      state: run?.state,
      failures: why?.map((each) => each.join(' ').replaceAll(origin.url, '')).toSorted(),
      lies: metrics.get('verification_failures_total'),
      lied: metrics.get('fills_total{result="lied"}'),
      up: [...metrics].filter(([name]) => name.startsWith('origin_up')).map(([, value]) => value),
    },
  };
}

describe('an upstream that in the midst of a full sync', () => {
  test.each([
    ['answers 503', 'refused', () => status(503)],
    ['has files no more', 'missing', () => status(404)],
    ['hangs', 'late', () => hang(new Gate())],
    ['hangs up', 'cut', () => noAnswer()],
    ['sends wrong bytes', 'wrong', () => flippedAt(7)],
  ] as const)('%s fails it for the same files and reasons by plain GETs and without', async (_title, end, lie) => {
    // A field of its own is more than a plain GET says.
    const ordinary = { headers: { 'X-Way': 'ordinary' } };
    const [plainly, ordinarily] = await Promise.all([failing(lie(), {}), failing(lie(), ordinary)]);
    expect(ordinarily.ends).toEqual(new Map());
    expect(plainly.ends.get(end)).toBeGreaterThan(0);
    expect(plainly.ends.get('put')).toBeGreaterThan(count / 4);
    expect(plainly.outcome).toEqual(ordinarily.outcome);
    expect(plainly.outcome).toMatchObject({ code: 1, state: 'failed' });
    expect(plainly.outcome.failures).toHaveLength(4);
    expect([plainly.others, ordinarily.others]).toEqual([count - 3, count - 3]);
    // Wrong bytes count as a try of the ordinary way; what is missing is asked for once more each time.
    if (end === 'wrong') expect(plainly.asked).toBe(ordinarily.asked);
    if (end === 'missing') expect(plainly.asked).toBe(ordinarily.asked + (plainly.ends.get(end) ?? 0));
  });
});

test('no more is asked for by plain GETs at a time than there are slots', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages, types: ['primary'] });
  const gate = new Gate();
  origin.on(/package-0[5-9]\d\d\.rpm$/, hang(gate));
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  const vendor = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories };
  await using pop = await Pop.start({ config: { subscriptions: [vendor] } });
  await gate.reached;
  await pop.until(({ subscriptions }) => (subscriptions[0]?.repositories[0]?.packages.held ?? 0) >= count / 2);
  const asked = (): Set<string> =>
    new Set(origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm')));
  expect((await pop.metrics()).get('plain_gets_total{end="put"}')).toBeGreaterThan(count / 4);
  expect(asked().size).toBe(count / 2 + slots);
  await pop.kill();
  gate.open();
  await pop.launch();
  expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
  expect(asked().size).toBe(count);
  const again =
    origin.requests.filter(({ path, status: code }) => path.endsWith('.rpm') && code === 200).length - count;
  expect(again).toBeLessThanOrEqual(slots);
});
