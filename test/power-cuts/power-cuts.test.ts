import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { scenarioGroups } from './all-scenarios.ts';
import { cutPower, explained } from './power-cuts.ts';

/** Runs worlds one after the other. @returns how many states the store was started on. */
async function run(first: number, worlds: number): Promise<number> {
  let states = 0;
  for (let seed = first; seed < first + worlds; seed += 1) {
    const report = await cutPower(seed);
    if (report.violations.length > 0) expect.fail(explained(report));
    states += report.states;
  }
  return states;
}

test('no invariant breaks in the states of fixed seeds', { timeout: 900_000 }, async () => {
  expect(await run(1, 60)).toBe(1440);
});

test('no invariant breaks in states that nobody has seen', { timeout: 900_000 }, async () => {
  const seed = randomInt(2 ** 31);
  console.log(`the random worlds begin at seed ${seed}: npm run test:power -- --seed ${seed} --runs 30`);
  expect(await run(seed, 30)).toBe(720);
});

test('the failing calls of every group of scenarios are tried', async () => {
  const files = (await readdir(import.meta.dirname)).flatMap(
    (name) => /^failing-(.*)\.test\.ts$/.exec(name)?.[1] ?? [],
  );
  expect(files.toSorted()).toEqual(Object.keys(scenarioGroups).toSorted());
});

test('a seed says everything: the same world is cut the same way twice', { timeout: 300_000 }, async () => {
  const [one, other, another] = [await cutPower(12), await cutPower(12), await cutPower(18)];
  expect(one).toEqual(other);
  expect(one.fingerprint).not.toBe(another.fingerprint);
});
