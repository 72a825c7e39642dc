import { parseArgs } from 'node:util';
import { explained, shortest } from './shortest-trace.ts';
import { simulate } from './simulation.ts';
import type { Report } from './simulation.ts';

// `npm run test:sim -- --seed N --runs M [--trace]`: worlds N to N + M - 1; the shortest story of those that break.
const { values } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string', default: '1' }, trace: { type: 'boolean' } },
});
const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const runs = Number(values.runs);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(runs) || runs < 1) {
  console.error('usage: npm run test:sim -- --seed NUMBER --runs NUMBER [--trace]');
  process.exit(2);
}

const broken: Report[] = [];
for (let seed = first; seed < first + runs; seed += 1) {
  const report = await simulate(seed);
  if (report.violations.length > 0) broken.push(await shortest(report));
  if (values.trace === true) console.log(report.trace.join('\n'));
}
const [shown] = broken.toSorted((one, other) => one.trace.length - other.trace.length);
if (shown !== undefined) console.log(explained(shown));
const seeds = broken.map(
  ({ seed, violations }) => `${seed} (${[...new Set(violations.map((v) => v.invariant))].join(' ')})`,
);
console.log(
  `${runs} worlds from seed ${first}: ${broken.length} broken${seeds.length > 0 ? `: ${seeds.join(', ')}` : ''}`,
);
process.exitCode = broken.length > 0 ? 1 : 0;
