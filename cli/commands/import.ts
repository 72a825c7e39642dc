import { resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { Config } from '../../config/config.ts';
import { exitCodes } from '../exit-codes.ts';
import { runLines } from '../run-display.ts';
import { imports } from '../imports.ts';
import { terminalLog } from '../terminal-log.ts';
import { plainText, type Terminal } from '../terminal.ts';
import { runUpkeep } from '../upkeep-command.ts';
import { importText } from './import-text.ts';
import { progressLine } from './sync-text.ts';

export interface ImportCommand {
  readonly config: Config;
  readonly directory: string;
  readonly subscription: string | undefined;
  readonly link: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * `waystation import DIR`: by the running service, which reads DIR then, or on the state directory when none runs.
 * Succeeds when everything that could be read and is listed is held.
 */
export async function importDirectory(command: ImportCommand, terminal: Terminal): Promise<number> {
  const { config, link, dryRun, json } = command;
  const asked = {
    directory: resolve(command.directory),
    subscription: command.subscription ?? null,
    link,
    dryRun,
  };
  const run = await runUpkeep(
    config,
    terminalLog(terminal),
    {
      online: async (client) => ((await client.post('/api/v1/imports', asked)) as { id: string }).id,
      offline: (store, runs) => imports({ config, store, runs }).start(asked),
    },
    json ? () => {} : runLines(systemClock, terminal.out),
  );
  if (json) terminal.out(JSON.stringify(run, null, 2));
  for (const { path, code, reason } of run.failures)
    terminal.err(plainText(`${path === '' ? 'import' : path}: ${code}: ${reason}`));
  if (run.import === undefined) {
    if (run.failures.length === 0) terminal.err(progressLine(run));
    return exitCodes.failed;
  }
  if (!json) for (const line of importText(run.import)) terminal.out(line);
  return run.import.complete ? exitCodes.ok : exitCodes.failed;
}
