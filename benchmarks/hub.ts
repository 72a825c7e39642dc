import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export const about = 'what hubs do: each of the benchmarks whose name begins with hub-, one after the other';

/** Each in a process of its own: one that keeps itself to a core would keep those after it there, too. */
export async function run(): Promise<void> {
  const names = readdirSync(import.meta.dirname).filter((file) => /^hub-.*\.ts$/.test(file));
  for (const file of names.toSorted()) {
    console.log(`\n${file}`);
    const words = [join(import.meta.dirname, 'run.ts'), file.slice(0, -'.ts'.length)];
    execFileSync(process.execPath, words, { stdio: 'inherit' });
  }
}
