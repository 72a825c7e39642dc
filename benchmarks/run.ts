import { readdirSync } from 'node:fs';

/**
 * `npm run bench -- NAME [ARGUMENTS]` runs benchmarks/NAME.ts, which exports `about` (one line) and
 * `run(arguments)`; without a name it lists them. A benchmark starts what it compares in one run, prints its table on
 * stdout and throws when it cannot measure.
 */
interface Benchmark {
  readonly about: string;
  run(this: void, givenArguments: readonly string[]): Promise<void>;
}

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();

const [name, ...givenArguments] = process.argv.slice(2);
if (name === undefined) {
  for (const each of names) console.log(`${each}: ${(await load(each)).about}`);
} else if (names.includes(name)) {
  await (await load(name)).run(givenArguments);
} else {
  console.error(`no benchmark is named ${name}; there are: ${names.join(', ') || 'none'}`);
  process.exitCode = 2;
}

async function load(benchmark: string): Promise<Benchmark> {
  return (await import(`./${benchmark}.ts`)) as Benchmark;
}
