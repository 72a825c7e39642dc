import { parseArgs } from 'node:util';
import { cutPower } from './power-cuts.ts';
import type { Report } from './power-cuts.ts';
import { explained } from './power-cuts.ts';

// `npm run test:power -- --seed N --runs M`: worlds N to N + M - 1, and the story of the first that breaks something.
const { values } = parseArgs({ options: { seed: { type: 'string' }, runs: { type: 'string', default: '1' } } });
const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const runs = Number(values.runs);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(runs) || runs < 1) {
  console.error('usage: npm run test:power -- --seed NUMBER --runs NUMBER');
  process.exit(2);
}

let states = 0;
const broken: Report[] = [];
for (let seed = first; seed < first + runs; seed += 1) {
  const report = await cutPower(seed);
  states += report.states;
  if (report.violations.length > 0) broken.push(report);
}
const [shown] = broken.toSorted((one, other) => one.story.length - other.story.length);
if (shown !== undefined) console.log(explained(shown));
const seeds = broken.map(
  ({ seed, violations }) => `${seed} (${[...new Set(violations.map((v) => v.invariant))].join(' ')})`,
);
const told = seeds.length > 0 ? `: ${seeds.join(', ')}` : '';
console.log(`${runs} worlds from seed ${first}, ${states} states: ${broken.length} worlds broken${told}`);
process.exitCode = broken.length > 0 ? 1 : 0;
