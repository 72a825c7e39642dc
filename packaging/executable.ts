import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assets } from './assets.ts';
import type { NativeAddon } from './native-addons.ts';

export interface ExecutableOptions {
  /** What it runs first, a CommonJS module. */
  readonly launcher: string;
  /** The bundle. */
  readonly main: string;
  readonly codeCache: string;
  /** Where everything is written. */
  readonly folder: string;
  readonly addons: readonly NativeAddon[];
  readonly nodeOptions: readonly string[];
}

/** Options of Node in the executable. */
export const nodeOptions: readonly string[] = [
  // node:ffi, for sd_notify(3) and addons in memory, says at its first use that it is experimental.
  '--disable-warning=ExperimentalWarning',
  // V8 lets what is young grow to three times as much before it looks through it, which a PoP's requests never need.
  '--max-semi-space-size=8',
];

/** Puts the bundle and addons into a copy of the Node that runs this. @returns the executable's path. */
export async function makeExecutable(options: ExecutableOptions): Promise<string> {
  const { launcher, main, codeCache, folder, addons } = options;
  const output = join(folder, 'waystation');
  const node = join(folder, 'node');
  // Before anything is added to it: symbols are a fifth of it. What is added afterwards does not survive a strip.
  execFileSync('strip', ['-o', node, process.execPath], { stdio: 'inherit' });
  const config = join(folder, 'executable.json');
  const document = {
    main: launcher,
    mainFormat: 'commonjs',
    executable: node,
    output,
    disableExperimentalSEAWarning: true,
    execArgv: options.nodeOptions,
    // Neither NODE_OPTIONS nor a --node-options of the command line changes what runs.
    execArgvExtension: 'none',
    assets: {
      [assets.main]: main,
      [assets.codeCache]: codeCache,
      ...Object.fromEntries(addons.map(({ name, file }) => [name, file])),
    },
  };
  await writeFile(config, JSON.stringify(document));
  execFileSync(process.execPath, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  return output;
}
