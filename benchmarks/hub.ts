import { readdirSync } from 'node:fs';

export const about = 'what hubs do: each of the benchmarks whose name begins with hub-, one after the other';

export async function run(): Promise<void> {
  const names = readdirSync(import.meta.dirname).filter((file) => /^hub-.*\.ts$/.test(file));
  for (const name of names.toSorted()) {
    const each = (await import(`./${name}`)) as { run(this: void, givenArguments: readonly string[]): Promise<void> };
    console.log(`\n${name}`);
    await each.run([]);
  }
}
