import { Command, CommanderError, Option } from 'commander';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { notBuiltCommands } from './commands/not-built.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { hubCommands } from './hub/program.ts';
import { logLevels, type LogLevel } from './log-levels.ts';
import { registerCommand } from './register-command.ts';
import type { Terminal } from './terminal.ts';
import { version, versionLine } from './version.ts';

interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Runs a command line (without node and script) to its end. Never throws: @returns the exit code of the contract. */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = exitCodes.ok;
  const program = commands(terminal, (ended) => void (code = ended));
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return stopped(thrown, terminal);
  }
}

function stopped(thrown: unknown, terminal: Terminal): number {
  const error = asWaystationError(thrown);
  // Problems of a configuration are lines that begin with the file's name; editors and scripts jump to them.
  const prefix = error.code === 'config_invalid' ? '' : 'waystation: ';
  const isDefect = error.code === 'internal' && thrown instanceof Error;
  terminal.err(prefix + (isDefect ? (thrown.stack ?? error.message) : error.message));
  return exitCodeOf(error);
}

/** Each action imports what it needs when it runs: a command starts as fast as its own parts allow. */
function commands(terminal: Terminal, end: (code: number) => void): Command {
  const program = new Command('waystation')
    .description('A verified pull-through cache for yum repositories that keeps serving when its upstream is gone.')
    .version(versionLine(), '-V, --version', 'print the version')
    .option(
      '--config <file>',
      'the configuration file (default: $WAYSTATION_CONFIG or /etc/waystation/waystation.yaml)',
    )
    .exitOverride()
    .showHelpAfterError('(waystation --help tells more)')
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'waystation: ')),
    });

  command(program, 'serve', 'run the service')
    .addOption(new Option('--log-level <level>', 'what is logged at least').choices(logLevels).default('info'))
    .action(async (options: CommonOptions & { logLevel: LogLevel }, self: Command) => {
      const config = await loaded(self);
      const { serve } = await import('./serve.ts');
      end(await serve(config, { version, logLevel: options.logLevel }));
    });

  const config = command(program, 'config', 'check the configuration, or print its JSON Schema');
  command(config, 'check', 'print every problem of the configuration')
    .option('--json', 'print a JSON document')
    .action(async (options: CommonOptions, self: Command) => {
      const { configCheck } = await import('./commands/config.ts');
      const { credentialsDirectory } = readEnvironment();
      end(configCheck({ file: configFile(self), credentialsDirectory, json: options.json ?? false }, terminal));
    });
  command(config, 'schema', 'print the JSON Schema of the configuration').action(async () => {
    const { configSchema } = await import('./commands/config.ts');
    end(configSchema(terminal));
  });

  command(program, 'status', 'show what is served; with a path, why it is or is not here')
    .argument('[path]', 'a URL, its path, or a name below /content/')
    .option('--json', 'print a JSON document')
    .action(async (path: string | undefined, options: CommonOptions, self: Command) => {
      const { status } = await import('./commands/status.ts');
      const { socket } = (await loaded(self)).listen;
      end(await status({ socket, path, json: options.json ?? false }, terminal));
    });

  command(program, 'sync', 'look for new content now')
    .argument('[subscription...]', 'which ones (default: all)')
    .option('--wait', 'follow it until it has ended, and fail if anything is missing')
    .option('--json', 'print a JSON document, with --wait one event a line')
    .addOption(
      new Option('--plan', 'show what a sync would fetch, keep and let go, and whether it fits').conflicts('wait'),
    )
    .option(
      '--force <path>',
      'read and prove this repository again, whatever is held of it; may be repeated',
      gather,
      [],
    )
    .addOption(
      new Option('--cancel', 'call off what is under way; nothing that was fetched is lost').conflicts([
        'wait',
        'plan',
      ]),
    )
    .action(async (subscriptions: string[], options: SyncOptions, self: Command) => {
      const { wait = false, json = false, plan: planned = false, cancel = false, force } = options;
      if (force.length > 0 && (planned || cancel))
        throw new WaystationError('bad_request', '--force goes with neither --plan nor --cancel');
      const { socket } = (await loaded(self)).listen;
      if (planned) {
        const { plan } = await import('./commands/plan.ts');
        return end(await plan({ socket, subscriptions, json }, terminal));
      }
      const { cancelSyncs, sync } = await import('./commands/sync.ts');
      if (cancel) end(await cancelSyncs({ socket, subscriptions, json }, terminal));
      else end(await sync({ socket, subscriptions, force, wait, json }, terminal));
    });

  const state = command(program, 'state', 'look after the state directory');
  command(state, 'upgrade', 'bring the state directory to the format of this version; stop the service first')
    .option('--json', 'print a JSON document')
    .action(async (options: CommonOptions, self: Command) => {
      const { stateUpgrade } = await import('./commands/state.ts');
      const root = (await loaded(self)).state;
      end(await stateUpgrade({ root, json: options.json ?? false }, terminal));
    });

  command(program, 'import', 'take what subscriptions list from a folder on this machine')
    .argument('<folder>', "a mirror, another PoP's blobs, a disk: any tree of files")
    .option('--subscription <name>', 'the files are what this one gave: needed for content that is not open')
    .option('--link', 'make hard links where possible, else copies')
    .option('--dry-run', 'read and compare, and store nothing')
    .option('--json', 'print a JSON document')
    .action(async (directory: string, options: ImportOptions, self: Command) => {
      const { importDirectory } = await import('./commands/import.ts');
      const { subscription, link = false, dryRun = false, json = false } = options;
      end(await importDirectory({ config: await loaded(self), directory, subscription, link, dryRun, json }, terminal));
    });

  command(program, 'verify', 'read everything held again, and replace what is damaged')
    .argument('[what]', 'a subscription, or a path as for status (default: everything held)')
    .option('--json', 'print a JSON document')
    .action(async (what: string | undefined, options: CommonOptions, self: Command) => {
      const { verify } = await import('./commands/verify.ts');
      end(await verify({ config: await loaded(self), what, json: options.json ?? false }, terminal));
    });

  registerCommand(program, { command, loaded, end: (code) => end(code), terminal });
  readyCommand(program, (code) => end(code), terminal);
  generationCommands(program, (code) => end(code), terminal);
  hubCommands(program, { command, configFile, end: (code) => end(code), terminal });

  for (const name of notBuiltCommands)
    program
      .command(name, { hidden: true })
      .argument('[words...]')
      .helpOption(false)
      .allowUnknownOption()
      .action(() => {
        throw notBuilt(name);
      });
  return program;
}

/** What would fail if the link died now. */
function readyCommand(program: Command, end: (code: number) => void, terminal: Terminal): void {
  command(program, 'ready', 'tell what would fail if the link died now, and fetch it')
    .argument('[subscription...]', 'which ones (default: all)')
    .option('--packages <name...>', 'what hosts must be able to install, as dnf takes it')
    .option('--host <file>', "a host's packages, as rpm -qa prints them: its upgrade, and what it has; - is stdin")
    .option('--repository <pattern...>', 'only repositories whose path matches')
    .option('--arch <arch>', "of the host (default: that of its list, else this machine's)")
    .option('--module <stream...>', 'module streams that are enabled there, such as nodejs:20')
    .option('--no-weak-deps', 'without recommended packages')
    .option('--fetch', 'fetch what is missing')
    .option('--json', 'print a JSON document')
    .action(async (subscriptions: string[], options: ReadyOptions, self: Command) => {
      const { ready } = await import('./commands/ready.ts');
      const { packages = [], host = null, repository = [], arch = null, module = [] } = options;
      const { weakDeps = true, fetch = false, json = false } = options;
      const asked = { subscriptions, packages, repositories: repository, arch, modules: module, weak: weakDeps };
      end(await ready({ config: await loaded(self), ...asked, hostFile: host, fetch, json }, terminal));
    });
}

/** What concerns kept generations. */
function generationCommands(program: Command, end: (code: number) => void, terminal: Terminal): void {
  const kept = 'an id, the beginning of one, @DATE or SUBSCRIPTION@DATE';
  command(program, 'generations', 'list the generations that are kept')
    .argument('[subscription]', 'of this one only')
    .option('--json', 'print a JSON document')
    .action(async (subscription: string | undefined, { json = false }: CommonOptions, self: Command) => {
      const { generations } = await import('./commands/generations.ts');
      end(await generations({ config: await loaded(self), subscription, json }, terminal));
    });
  for (const [name, pinned, summary] of [
    ['pin', true, 'keep a generation and all that is held of it, whatever its age'],
    ['unpin', false, 'keep a generation no longer than the others'],
  ] as const)
    command(program, name, summary)
      .argument('<generation>', kept)
      .option('--json', 'print a JSON document')
      .action(async (generation: string, { json = false }: CommonOptions, self: Command) => {
        const { pin } = await import('./commands/generations.ts');
        end(await pin({ config: await loaded(self), generation, pinned, json }, terminal));
      });
  command(program, 'rollback', 'serve an earlier generation, and stay at it')
    .argument('<subscription>', 'whose')
    .argument('[generation]', `${kept} (default: the one before)`)
    .option('--json', 'print a JSON document')
    .action(async (...[subscription, generation, { json = false }, self]: RollbackArguments) => {
      const { rollback } = await import('./commands/generations.ts');
      const config = await loaded(self);
      end(await rollback({ config, subscription, generation: generation ?? null, json }, terminal));
    });
  command(program, 'release', 'serve the newest generation again, and those to come')
    .argument('<subscription>', 'whose')
    .option('--json', 'print a JSON document')
    .action(async (subscription: string, { json = false }: CommonOptions, self: Command) => {
      const { release } = await import('./commands/generations.ts');
      end(await release({ config: await loaded(self), subscription, json }, terminal));
    });
  command(program, 'diff', 'compare the packages and advisories of two generations')
    .argument('<from>', kept)
    .argument('<to>', kept)
    .option('--json', 'print a JSON document')
    .action(async (from: string, to: string, { json = false }: CommonOptions, self: Command) => {
      const { diff } = await import('./commands/diff.ts');
      end(await diff({ config: await loaded(self), from, to, json }, terminal));
    });
}

type RollbackArguments = [subscription: string, generation: string | undefined, options: CommonOptions, self: Command];

interface SyncOptions extends CommonOptions {
  readonly wait?: boolean;
  readonly plan?: boolean;
  readonly force: readonly string[];
  readonly cancel?: boolean;
}

interface ReadyOptions extends CommonOptions {
  readonly packages?: readonly string[];
  readonly host?: string;
  readonly repository?: readonly string[];
  readonly arch?: string;
  readonly module?: readonly string[];
  readonly weakDeps?: boolean;
  readonly fetch?: boolean;
}

/** An option that may be repeated. */
function gather(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

interface ImportOptions extends CommonOptions {
  readonly subscription?: string;
  readonly link?: boolean;
  readonly dryRun?: boolean;
}

/** A command that inherits how the program ends and writes; `--config` may stand before it or after it. */
function command(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary).option('--config <file>', 'the configuration file');
}

function configFile(self: Command): string {
  return (
    self.opts<CommonOptions>().config ?? self.optsWithGlobals<CommonOptions>().config ?? readEnvironment().configFile
  );
}

async function loaded(self: Command): Promise<Config> {
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig(configFile(self), readEnvironment().credentialsDirectory);
}

function notBuilt(what: string): WaystationError {
  return new WaystationError('not_built', `${what} is not built yet`);
}
