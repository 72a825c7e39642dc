import type { Command } from 'commander';
import { WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import type { Terminal } from '../terminal.ts';

/** What the hub's commands share with all others. */
export interface CommandFrame {
  /** Adds a command with the options that all have. */
  readonly command: (parent: Command, name: string, summary: string) => Command;
  /** The configuration file that a command line names. */
  readonly configFile: (self: Command) => string;
  readonly end: (code: number) => void;
  readonly terminal: Terminal;
}

interface JsonOption {
  readonly json?: boolean;
}

/** What the contract names and this version does not have. */
const notBuilt = ['serve', 'token', 'snapshot', 'promote', 'rollback', 'channels', 'pops'];

/** `waystation hub …` */
export function hubCommands(program: Command, { command, configFile, end, terminal }: CommandFrame): void {
  const hub = command(program, 'hub', 'be the central hub that PoPs follow');
  const loaded = async (self: Command): Promise<HubConfig> => {
    const { loadHubConfig } = await import('../../config/hub/load.ts');
    return loadHubConfig(configFile(self));
  };

  command(hub, 'init', 'make the keys and the store')
    .option('--json', 'print a JSON document')
    .action(async ({ json = false }: JsonOption, self: Command) => {
      const { hubInit } = await import('./init.ts');
      end(await hubInit(await loaded(self), json, terminal));
    });

  for (const name of notBuilt)
    hub
      .command(name, { hidden: true })
      .argument('[words...]')
      .helpOption(false)
      .allowUnknownOption()
      .action(() => {
        throw new WaystationError('not_built', `hub ${name} is not built yet`);
      });
}
