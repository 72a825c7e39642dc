import type { Command } from 'commander';
import { WaystationError } from '../../base/errors.ts';
import { parseDuration } from '../../config/durations.ts';
import { readEnvironment } from '../../config/environment.ts';
import type { HubFrame, JsonOption } from './frame.ts';

/** `waystation hub snapshot …` */
export function snapshotCommands(hub: Command, frame: HubFrame): void {
  const { command, operation, end, terminal, loaded, control } = frame;
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
  operation(snapshot, 'list', 'list the snapshots')
    .option('--json', 'print a JSON document')
    .action(async ({ json = false }: JsonOption, self: Command) => {
      const { snapshotList } = await import('./channel-commands.ts');
      end(await snapshotList({ hub: await control(self), json }, terminal));
    });
  operation(snapshot, 'show', 'show what a snapshot pins')
    .argument('<name>', 'which one')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { json = false }: JsonOption, self: Command) => {
      const { snapshotShow } = await import('./channel-commands.ts');
      end(await snapshotShow({ hub: await control(self), json, name }, terminal));
    });
  checkCommand(snapshot, frame);
  saidCommands(snapshot, frame);
  endCommands(hub, snapshot, frame);
}

function checkCommand(snapshot: Command, { operation, end, terminal, control }: HubFrame): void {
  operation(snapshot, 'check', 'lead a snapshot through the gates')
    .argument('<name>', 'which one')
    .option('--gates <file>', 'the file with the gates (default: that of the configuration)')
    .option('--channel <channel>', 'compare with what this channel points to and pointed to')
    .option('--json', 'print a JSON document')
    .action(async (name: string, options: CheckOptions, self: Command) => {
      const { snapshotCheck } = await import('./snapshot-check.ts');
      const { gates, channel, json = false } = options;
      end(await snapshotCheck({ hub: await control(self, { gates }), name, channel, json }, terminal));
    });
  operation(snapshot, 'report', 'show what gates said of a snapshot, on check and on promote')
    .argument('<name>', 'which one')
    .option('--all', 'each time, newest first (default: the last time)')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { json = false, all = false }: Report, self: Command) => {
      const { snapshotReport } = await import('./snapshot-report.ts');
      end(await snapshotReport({ hub: await control(self), name, all, json }, terminal));
    });
}

type Report = JsonOption & { readonly all?: boolean };

interface CheckOptions extends JsonOption {
  readonly gates?: string;
  readonly channel?: string;
}

type Text = JsonOption & { readonly text: string };

/** What is compared, and what people say. */
function saidCommands(snapshot: Command, { operation, end, terminal, control }: HubFrame): void {
  operation(snapshot, 'diff', 'compare two snapshots: packages, repositories, advisories')
    .argument('<from>', 'the earlier one')
    .argument('<to>', 'the later one')
    .option('--json', 'print a JSON document')
    .action(async (...[from, to, { json = false }, self]: [string, string, JsonOption, Command]) => {
      const { diffSnapshots } = await import('./snapshot-diff.ts');
      end(await diffSnapshots({ hub: await control(self), from, to, json }, terminal));
    });
  operation(snapshot, 'note', 'say something of a package of a snapshot')
    .argument('<name>', 'which one')
    .argument('<nevra>', 'name-[epoch:]version-release.arch')
    .requiredOption('--text <text>', 'what is to be said')
    .option('--json', 'print a JSON document')
    .action(async (...[name, nevra, { json = false, text }, self]: [string, string, Text, Command]) => {
      const { addNote } = await import('./snapshot-notes.ts');
      end(await addNote({ hub: await control(self), name, nevra, text, json }, terminal));
    });
  operation(snapshot, 'notes', 'list what was said of a snapshot')
    .argument('<name>', 'which one')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { json = false }: JsonOption, self: Command) => {
      const { listNotes } = await import('./snapshot-notes.ts');
      end(await listNotes({ hub: await control(self), name, json }, terminal));
    });
}

type Why = JsonOption & { readonly why?: string };
type Collect = JsonOption & { readonly dryRun?: boolean; readonly age: string };

/** How snapshots go, and what they alone refer to. */
function endCommands(hub: Command, snapshot: Command, frame: HubFrame): void {
  const { command, operation, end, terminal, loaded, control } = frame;
  operation(snapshot, 'retire', 'say that a snapshot is to go; no channel may point to it')
    .argument('<name>', 'which one')
    .option('--why <text>', 'for the audit')
    .option('--json', 'print a JSON document')
    .action(async (name: string, { json = false, why }: Why, self: Command) => {
      const { retireSnapshot } = await import('./collect.ts');
      end(await retireSnapshot({ hub: await control(self), name, why: why ?? null, json }, terminal));
    });
  command(hub, 'collect', 'retire snapshots by `keep`, and remove what nothing refers to any more')
    .option('--dry-run', 'only say what would go')
    .option('--age <duration>', 'what was written or retired less long ago stays', '24h')
    .option('--json', 'print a JSON document')
    .action(async ({ json = false, dryRun = false, age }: Collect, self: Command) => {
      const { collect } = await import('./collect.ts');
      end(await collect({ config: await loaded(self), dryRun, age: ageOf(age), json }, terminal));
    });
}

/** Milliseconds. */
function ageOf(text: string): number {
  const age = parseDuration(text);
  if (age === null || age < 1_000)
    throw new WaystationError('bad_request', '--age is a duration such as 24h, at least 1s');
  return age;
}
