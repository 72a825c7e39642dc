import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeAddon } from './native-addons.ts';

export interface ExecutableOptions {
  /** The bundle, an ES module. */
  readonly main: string;
  /** Where everything is written. */
  readonly folder: string;
  readonly addons: readonly NativeAddon[];
}

/** Puts bundle and addons into a copy of the Node that runs this. @returns the executable's path. */
export async function makeExecutable({ main, folder, addons }: ExecutableOptions): Promise<string> {
  const output = join(folder, 'waystation');
  const node = join(folder, 'node');
  // Before anything is added to it: symbols are a fifth of it. What is added afterwards does not survive a strip.
  execFileSync('strip', ['-o', node, process.execPath], { stdio: 'inherit' });
  const config = join(folder, 'executable.json');
  const document = {
    main,
    mainFormat: 'module',
    executable: node,
    output,
    useCodeCache: true,
    disableExperimentalSEAWarning: true,
    // node:ffi, for sd_notify(3) and addons in memory, says at its first use that it is experimental.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // Neither NODE_OPTIONS nor a --node-options of the command line changes what runs.
    execArgvExtension: 'none',
    assets: Object.fromEntries(addons.map(({ name, file }) => [name, file])),
  };
  await writeFile(config, JSON.stringify(document));
  execFileSync(process.execPath, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  return output;
}
