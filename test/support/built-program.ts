import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { filesOfGit } from '../architecture/sources.ts';
import { succeed } from './command.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The built executable, outside the checkout. */
    readonly builtProgram: string;
  }
}

const checkout = join(import.meta.dirname, '../..');
/** Builds of before: one that was made from the same files is taken again. */
const builds = join(checkout, 'node_modules/.cache/waystation-build');
const buildsKept = 3;

/**
 * Builds the executable once for all suites that run it, and gives them a copy outside the checkout: inside it, the
 * executable would find node_modules, which users do not have.
 */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'waystation-built-'));
  const program = join(folder, 'waystation');
  await copyFile(await built(), program);
  provide('builtProgram', program);
  return () => rm(folder, { recursive: true, force: true });
}

async function built(): Promise<string> {
  const program = join(builds, await contentHash());
  if (await stat(program).catch(() => null)) return program;
  await mkdir(builds, { recursive: true });
  const [packaging, output] = [join(checkout, 'packaging/build.ts'), `${program}.${process.pid}`];
  await succeed(process.execPath, [packaging, output]);
  await rename(output, program);
  await removeOld();
  return program;
}

/** Of everything that the build reads: sources, and the versions of packages and of Node. */
async function contentHash(): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const sources = filesOfGit('.').filter((path) => /^[a-z]+\/.*\.ts$|^package(-lock)?\.json$/.test(path));
  for (const path of sources.filter((each) => !/^(test|benchmarks|demo)\//.test(each))) {
    hash.update(`\n${path}\n`).update(await readFile(join(checkout, path)));
  }
  return hash.digest('hex').slice(0, 32);
}

async function removeOld(): Promise<void> {
  const names = await readdir(builds);
  const times = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(builds, name))).mtimeMs })));
  const old = times.toSorted((one, other) => other.at - one.at).slice(buildsKept);
  await Promise.all(old.map(({ name }) => rm(join(builds, name), { recursive: true, force: true })));
}
