import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { CommandFrame } from './hub/frame.ts';

interface Frame extends Omit<CommandFrame, 'configFile'> {
  readonly loaded: (self: Command) => Promise<Config>;
}

interface RegisterOptions {
  readonly hub: string;
  readonly tokenFile?: string;
  readonly name?: string;
  readonly acceptEpoch?: boolean;
  readonly json?: boolean;
}

/** `waystation register`: who this PoP is at a hub. */
export function registerCommand(program: Command, { command, loaded, end, terminal }: Frame): void {
  command(program, 'register', 'make this PoP known at a waystation hub')
    .requiredOption('--hub <url>', 'publicUrl of the hub')
    .option('--token-file <file>', 'what `waystation hub token create` printed')
    .option('--name <name>', 'how this PoP would like to be called (default: as its host)')
    .option('--accept-epoch', 'believe a hub whose store was restored from a backup')
    .option('--json', 'print a JSON document')
    .action(async (options: RegisterOptions, self: Command) => {
      const { registerPop } = await import('./commands/register.ts');
      const { hub, tokenFile = null, name = null, acceptEpoch = false, json = false } = options;
      end(await registerPop({ config: await loaded(self), hub, tokenFile, name, acceptEpoch, json }, terminal));
    });
}
