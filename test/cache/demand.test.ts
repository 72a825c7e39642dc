import { expect, test } from 'vitest';
import { silentMeter } from '../../base/metrics.ts';
import { Demand } from '../../cache/demand/demand.ts';
import { NamesInDemand } from '../../cache/demand/names-in-demand.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { StandingClock } from '../support/standing-clock.ts';

const week = 7 * 24 * 60 * 60_000;

/** Uses of one package. */
function used(names: NamesInDemand, name: string, uses: number): void {
  const use = names.use(name);
  if (use !== null) use.uses += uses;
}

test('what was served lately comes first, of equally new ones what was served most', () => {
  const names = new NamesInDemand();
  used(names, 'old.noarch', 100);
  names.settle(week);
  used(names, 'rare.noarch', 1);
  used(names, 'often.noarch', 5);
  names.settle(2 * week);
  expect(names.list().map(({ name }) => name)).toEqual(['often.noarch', 'rare.noarch', 'old.noarch']);
});

test('a use is worth half after a week', () => {
  const names = new NamesInDemand();
  used(names, 'a.noarch', 8);
  names.settle(week);
  used(names, 'a.noarch', 1);
  names.settle(2 * week);
  expect(names.list()).toEqual([{ name: 'a.noarch', score: 5, last: (2 * week) / 1000 }]);
});

test('what was only looked up was not served', () => {
  const names = new NamesInDemand();
  names.use('a.noarch');
  names.settle(week);
  expect([names.unwritten, names.list()]).toEqual([false, []]);
});

test('the names asked for least are forgotten first, and more than fit are not taken', () => {
  const names = new NamesInDemand();
  for (let number = 0; number < 25_000; number += 1) used(names, `p${number}.noarch`, number < 10_000 ? 1 : 2);
  expect(names.use('one-more.noarch')).toBeNull();
  names.settle(week);
  expect(names.size).toBe(20_000);
  const left = new Set(names.list().map(({ name }) => name));
  expect([...Array(15_000).keys()].every((number) => left.has(`p${number + 10_000}.noarch`))).toBe(true);
});

test.each([null, 'x', { format: 2, names: [] }])('notes of %j are as good as none', (note) => {
  const names = new NamesInDemand();
  names.restore(note);
  expect(names.list()).toEqual([]);
});

test('demand survives a restart, adds up with what came before it was read, and is lost without harm', async () => {
  const [notes, clock] = [memoryNotes(), new StandingClock()];
  const first = new Demand({ notes, clock, meter: silentMeter });
  const use = first.use('edge/base', 'bash.x86_64');
  if (use !== null) use.uses += 2;
  await first.close();
  const second = new Demand({ notes, clock, meter: silentMeter });
  const more = second.use('edge/base', 'bash.x86_64');
  if (more !== null) more.uses += 1;
  expect(await second.names('edge/base')).toMatchObject([{ name: 'bash.x86_64', score: 3 }]);
  await second.close();
  const third = new Demand({ notes, clock, meter: silentMeter });
  expect(await third.names('edge/base')).toMatchObject([{ name: 'bash.x86_64', score: 3 }]);
  expect(await third.names('edge/other')).toEqual([]);
  await third.close();
  const without = new Demand({ notes: memoryNotes(), clock, meter: silentMeter });
  expect(await without.names('edge/base')).toEqual([]);
  await without.close();
});

test('nothing is written for a use, and what is new is written once in five minutes', async () => {
  const clock = new StandingClock();
  const keys: string[] = [];
  const { get } = memoryNotes();
  const demand = new Demand({ notes: { get, put: async (key) => void keys.push(key) }, clock, meter: silentMeter });
  for (const name of ['a.noarch', 'b.noarch']) {
    const use = demand.use('edge/base', name);
    if (use === null) throw new Error('a name was not taken');
    for (let times = 0; times < 1000; times += 1) use.uses += 1;
  }
  expect(keys).toEqual([]);
  clock.advance(5 * 60_000);
  while (keys.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(keys).toEqual(['demand/edge/base']);
  await demand.close();
  expect(keys).toHaveLength(1);
});
