import { Option } from 'commander';
import type { Command } from 'commander';
import type { HubConfig } from '../../config/hub/config.ts';
import { logLevels } from '../log-levels.ts';
import type { LogLevel } from '../log-levels.ts';
import { version } from '../version.ts';
import { controlOf, orElsewhere } from './elsewhere.ts';
import { fleetCommands } from './fleet-program.ts';
import type { CommandFrame, HubFrame, JsonOption } from './frame.ts';
import { snapshotCommands } from './snapshot-program.ts';

/** `waystation hub …` */
export function hubCommands(program: Command, { command, configFile, end, terminal }: CommandFrame): void {
  const hub = command(program, 'hub', 'be the central hub that PoPs follow');
  const loaded = async (self: Command): Promise<HubConfig> => {
    const { loadHubConfig } = await import('../../config/hub/load.ts');
    return loadHubConfig(configFile(self));
  };

  command(hub, 'init', 'make the keys and the store')
    .option('--restored', 'the store comes from a backup: begin a new epoch')
    .option('--json', 'print a JSON document')
    .action(async ({ json = false, restored = false }: JsonOption & { restored?: boolean }, self: Command) => {
      const { hubInit } = await import('./init.ts');
      end(await hubInit(await loaded(self), { json, isRestored: restored }, terminal));
    });

  command(hub, 'serve', 'be there for PoPs and operators')
    .addOption(new Option('--log-level <level>', 'what is logged at least').choices(logLevels).default('info'))
    .action(async ({ logLevel }: { logLevel: LogLevel }, self: Command) => {
      const config = await loaded(self);
      const { hubServe } = await import('./serve.ts');
      end(await hubServe(config, { version, logLevel }));
    });

  const frame: HubFrame = {
    command,
    end,
    terminal,
    loaded,
    operation: (parent, name, summary) => orElsewhere(command(parent, name, summary)),
    control: (self, instead) => controlOf(self, { loaded, terminal }, instead),
  };
  snapshotCommands(hub, frame);
  channelCommands(hub, frame);
  fleetCommands(hub, frame);
}

type Why = JsonOption & { readonly why?: string };

function channelCommands(hub: Command, { operation, end, terminal, control }: HubFrame): void {
  operation(hub, 'promote', 'point a channel to a snapshot')
    .argument('<channel>', 'made when there is none of that name')
    .argument('<snapshot>', 'which one')
    .option('--why <text>', 'for the history')
    .option('--json', 'print a JSON document')
    .action(async (...[channel, snapshot, { json = false, why }, self]: [string, string, Why, Command]) => {
      const { promote } = await import('./channel-commands.ts');
      end(await promote({ hub: await control(self), json, channel, snapshot, why: why ?? null }, terminal));
    });
  operation(hub, 'rollback', 'point a channel to what it pointed to before')
    .argument('<channel>', 'which one')
    .option('--why <text>', 'for the history')
    .option('--json', 'print a JSON document')
    .action(async (channel: string, { json = false, why }: Why, self: Command) => {
      const { rollbackChannel } = await import('./channel-commands.ts');
      end(await rollbackChannel({ hub: await control(self), json, channel, why: why ?? null }, terminal));
    });
  operation(hub, 'channels', 'list the channels; with a name, what it pointed to before')
    .argument('[channel]', 'which one')
    .option('--json', 'print a JSON document')
    .action(async (channel: string | undefined, { json = false }: JsonOption, self: Command) => {
      const { listChannels } = await import('./channel-commands.ts');
      end(await listChannels({ hub: await control(self), json, channel }, terminal));
    });
}
