import type { Command } from 'commander';
import { WaystationError } from '../../base/errors.ts';
import { readEnvironment } from '../../config/environment.ts';
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

interface HubFrame extends Omit<CommandFrame, 'configFile'> {
  readonly loaded: (self: Command) => Promise<HubConfig>;
}

interface JsonOption {
  readonly json?: boolean;
}

/** What the contract names and this version does not have. */
const notBuilt = ['serve', 'token', 'pops'];

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

function snapshotCommands(hub: Command, { command, end, terminal, loaded }: HubFrame): void {
  const snapshot = command(hub, 'snapshot', 'sets of repositories that never change');
  command(snapshot, 'create', 'read sources, prove all of it, and name what they are together')
    .argument('<name>', 'a-z, 0-9 and . _ -')
    .requiredOption('--from <file>', 'the file with the sources')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { from, json = false }: JsonOption & { from: string }, self: Command) => {
      const { snapshotCreate } = await import('./snapshot-create.ts');
      const { credentialsDirectory } = readEnvironment();
      end(await snapshotCreate({ config: await loaded(self), name, from, credentialsDirectory, json }, terminal));
    });
  command(snapshot, 'list', 'list the snapshots')
    .option('--json', 'print a JSON document')
    .action(async ({ json = false }: JsonOption, self: Command) => {
      const { snapshotList } = await import('./channel-commands.ts');
      end(await snapshotList({ config: await loaded(self), json }, terminal));
    });
  command(snapshot, 'show', 'show what a snapshot pins')
    .argument('<name>', 'which one')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { json = false }: JsonOption, self: Command) => {
      const { snapshotShow } = await import('./channel-commands.ts');
      end(await snapshotShow({ config: await loaded(self), json, name }, terminal));
    });
  checkCommand(snapshot, { command, end, terminal, loaded });
}

function checkCommand(snapshot: Command, { command, end, terminal, loaded }: HubFrame): void {
  command(snapshot, 'check', 'lead a snapshot through the gates')
    .argument('<name>', 'which one')
    .option('--gates <file>', 'the file with the gates (default: that of the configuration)')
    .option('--channel <channel>', 'compare with what this channel points to and pointed to')
    .option('--json', 'print a JSON document')
    .action(async (name: string, options: CheckOptions, self: Command) => {
      const { snapshotCheck } = await import('./snapshot-check.ts');
      const { gates, channel, json = false } = options;
      end(await snapshotCheck({ config: await loaded(self), name, gates, channel, json }, terminal));
    });
}

interface CheckOptions extends JsonOption {
  readonly gates?: string;
  readonly channel?: string;
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
