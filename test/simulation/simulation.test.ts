import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { explained, shortest } from './shortest-trace.ts';
import { simulate } from './simulation.ts';
import type { Report } from './simulation.ts';

const fixed = Array.from({ length: 200 }, (_, index) => index + 1);

/** Runs worlds one after the other. @throws with the story of the first that breaks an invariant. */
async function run(seeds: readonly number[]): Promise<Report[]> {
  const reports: Report[] = [];
  for (const seed of seeds) {
    const report = await simulate(seed);
    reports.push(report);
    if (report.violations.length > 0) expect.fail(explained(await shortest(report)));
  }
  return reports;
}

test('no invariant breaks in the worlds of fixed seeds, and all that can become of a request is among them', async () => {
  const reports = await run(fixed);
  const clients = reports.flatMap((report) => report.clients);
  expect(new Set(clients.map(({ outcome }) => outcome))).toEqual(
    new Set(['hit', 'miss', 'collapsed', 'partial', 'bypass', null]),
  );
  expect(new Set(clients.map(({ end }) => end))).toEqual(new Set(['whole', 'left', 'refused', 'cut']));
  expect(new Set(clients.map(({ code }) => code))).toEqual(
    new Set([null, 'upstream_lied', 'upstream_unreachable', 'upstream_timeout', 'disk_failing']),
  );
});

test('no invariant breaks in worlds that nobody has seen', async () => {
  const seed = randomInt(2 ** 31);
  console.log(`the random worlds begin at seed ${seed}: npm run test:sim -- --seed ${seed} --runs 100`);
  await run(Array.from({ length: 100 }, (_, index) => seed + index));
});

test('a seed says everything: the same world runs the same way twice', async () => {
  for (const seed of [3, 44, 261]) expect((await simulate(seed)).trace).toEqual((await simulate(seed)).trace);
});
