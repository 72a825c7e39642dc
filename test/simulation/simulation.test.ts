import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { explained, shortest } from './shortest-trace.ts';
import { simulate } from './simulation.ts';
import type { Report } from './simulation.ts';

/** Worlds that broke once. */
const mended = [104_217_435, 501_114, 501_318, 900_857, 2_002_399];
const fixed = [...Array.from({ length: 120 }, (_, index) => index + 1), ...mended];

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

test(
  'no invariant breaks in the worlds of fixed seeds, and all that can become of a request is among them',
  {
    timeout: 600_000,
  },
  async () => {
    const reports = await run(fixed);
    const clients = reports.flatMap((report) => report.clients);
    expect(new Set(clients.map(({ outcome }) => outcome))).toEqual(
      new Set(['hit', 'miss', 'collapsed', 'partial', 'bypass', null]),
    );
    expect(new Set(clients.map(({ end }) => end))).toEqual(new Set(['whole', 'left', 'refused', 'cut']));
    expect(new Set(clients.map(({ code }) => code))).toEqual(
      new Set([null, 'upstream_lied', 'upstream_unreachable', 'upstream_timeout', 'disk_failing']),
    );
  },
);

test('no invariant breaks in worlds that nobody has seen', { timeout: 300_000 }, async () => {
  const seed = randomInt(2 ** 31);
  // As many as fit: on a busy machine a world takes its time.
  const enough = performance.now() + 6_000;
  console.log(`the random worlds begin at seed ${seed}: npm run test:sim -- --seed ${seed} --runs 100`);
  let runs = 0;
  for (; runs < 100 && performance.now() < enough; runs += 1) await run([seed + runs]);
  expect(runs).toBeGreaterThan(0);
});

test('a seed says everything: the same world runs the same way twice', { timeout: 300_000 }, async () => {
  for (const seed of [3, 44, 261]) expect((await simulate(seed)).trace).toEqual((await simulate(seed)).trace);
});
