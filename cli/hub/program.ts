import { Option } from 'commander';
import type { Command } from 'commander';
import { WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { logLevels } from '../log-levels.ts';
import type { LogLevel } from '../log-levels.ts';
import type { Terminal } from '../terminal.ts';
import { snapshotCommands } from './snapshot-program.ts';
import { version } from '../version.ts';

/** What the hub's commands share with all others. */
export interface CommandFrame {
  /** Adds a command with the options that all have. */
  readonly command: (parent: Command, name: string, summary: string) => Command;
  /** The configuration file that a command line names. */
  readonly configFile: (self: Command) => string;
  readonly end: (code: number) => void;
  readonly terminal: Terminal;
}

export interface HubFrame extends Omit<CommandFrame, 'configFile'> {
  readonly loaded: (self: Command) => Promise<HubConfig>;
}

export interface JsonOption {
  readonly json?: boolean;
}

/** What the contract names and this version does not have. */
const notBuilt = ['token', 'pops'];

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

  command(hub, 'serve', 'be there for PoPs and operators')
    .addOption(new Option('--log-level <level>', 'what is logged at least').choices(logLevels).default('info'))
    .action(async ({ logLevel }: { logLevel: LogLevel }, self: Command) => {
      const config = await loaded(self);
      const { hubServe } = await import('./serve.ts');
      end(await hubServe(config, { version, logLevel }));
    });

  snapshotCommands(hub, { command, end, terminal, loaded });
  channelCommands(hub, { command, end, terminal, loaded });

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

type Why = JsonOption & { readonly why?: string };

function channelCommands(hub: Command, { command, end, terminal, loaded }: HubFrame): void {
  command(hub, 'promote', 'point a channel to a snapshot')
    .argument('<channel>', 'made when there is none of that name')
    .argument('<snapshot>', 'which one')
    .option('--why <text>', 'for the history')
    .option('--json', 'print a JSON document')
    .action(async (...[channel, snapshot, { json = false, why }, self]: [string, string, Why, Command]) => {
      const { promote } = await import('./channel-commands.ts');
      end(await promote({ config: await loaded(self), json, channel, snapshot, why: why ?? null }, terminal));
    });
  command(hub, 'rollback', 'point a channel to what it pointed to before')
    .argument('<channel>', 'which one')
    .option('--why <text>', 'for the history')
    .option('--json', 'print a JSON document')
    .action(async (channel: string, { json = false, why }: Why, self: Command) => {
      const { rollbackChannel } = await import('./channel-commands.ts');
      end(await rollbackChannel({ config: await loaded(self), json, channel, why: why ?? null }, terminal));
    });
  command(hub, 'channels', 'list the channels; with a name, what it pointed to before')
    .argument('[channel]', 'which one')
    .option('--json', 'print a JSON document')
    .action(async (channel: string | undefined, { json = false }: JsonOption, self: Command) => {
      const { listChannels } = await import('./channel-commands.ts');
      end(await listChannels({ config: await loaded(self), json, channel }, terminal));
    });
}
