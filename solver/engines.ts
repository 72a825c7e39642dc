import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { runChild } from './child.ts';
import { dnfScript } from './dnf-script.ts';
import { libsolvScript } from './libsolv-script.ts';

/** A Python of this machine that can solve, and what it is given to run. */
export interface Engine {
  readonly python: string;
  readonly script: string;
}

/** Enterprise Linux 8 keeps dnf's own Python where PATH does not look. */
const platformPython = '/usr/libexec/platform-python';

const kinds = [
  { imports: 'dnf, hawkey, dnf.module.module_base', script: dnfScript },
  { imports: 'solv', script: libsolvScript },
] as const;

/**
 * The first engine that there is: dnf before libsolv, since only dnf knows module streams.
 * @param searchPath folders in which `python3` is looked for, as in PATH.
 */
export async function findEngine(searchPath: readonly string[], signal: AbortSignal): Promise<Engine | null> {
  const pythons = await pythonsIn(searchPath);
  for (const { imports, script } of kinds) {
    for (const python of pythons) {
      const words = ['-I', '-c', `import ${imports}`];
      const { code } = await runChild(
        { program: python, words, input: '', folder: '/', environment: {}, time: 30_000, mostOutput: 1_000 },
        signal,
      );
      if (code === 0) return { python, script };
    }
  }
  return null;
}

/** Each program once, by whatever names it is there. */
async function pythonsIn(searchPath: readonly string[]): Promise<readonly string[]> {
  const named = searchPath.filter(isAbsolute).map((folder) => join(folder, 'python3'));
  const seen = new Set<string>();
  const found: string[] = [];
  for (const program of [...named, platformPython]) {
    const real = await access(program, constants.X_OK).then(
      () => realpath(program),
      () => null,
    );
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    found.push(program);
  }
  return found;
}
