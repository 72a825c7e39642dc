import type { Command } from 'commander';
import type { HubFrame, JsonOption } from './frame.ts';
import type { TokenAsked } from './token-commands.ts';

const jsonOption = ['--json', 'print a JSON document'] as const;

/** The commands about PoPs: tokens, PoPs, what they are to do, and who did what. */
export function fleetCommands(hub: Command, frame: HubFrame): void {
  tokenCommands(hub, frame);
  popCommands(hub, frame);
  keyCommands(hub, frame);
  const { operation, end, terminal, control } = frame;
  operation(hub, 'assign', 'say what PoPs are to do; without a file, show what was said')
    .option('--from <file>', 'the file with the assignments, in the place of all that there were')
    .option(...jsonOption)
    .action(async ({ from, json = false }: JsonOption & { from?: string }, self: Command) => {
      const { assign } = await import('./assign-commands.ts');
      end(await assign({ hub: await control(self), from, json }, terminal));
    });
  operation(hub, 'audit', 'list what was done to the hub')
    .option('--since <time>', 'a date, a time, or a duration such as 24h')
    .option(...jsonOption)
    .action(async ({ since, json = false }: JsonOption & { since?: string }, self: Command) => {
      const { auditList } = await import('./audit-command.ts');
      end(await auditList({ hub: await control(self), since, json }, terminal));
    });
}

function tokenCommands(hub: Command, { command, operation, end, terminal, control }: HubFrame): void {
  const token = command(hub, 'token', 'tokens, with which PoPs register and operators act from elsewhere');
  operation(token, 'create', 'print a new token, which is not shown again, or the certificate of an operator')
    .option('--label <key=value...>', 'what PoPs that register with it are labelled')
    .option('--uses <count>', 'how many PoPs may register with it (default: 1)')
    .option('--ttl <duration>', 'for how long (default: 1h)')
    .option('--role <role>', 'for an operator: viewer, publisher or admin')
    .option('--name <name>', 'who the operator is')
    .option('--csr <file>', 'for an operator: the signing request for which he gets a certificate in place of a token')
    .option(...jsonOption)
    .action(async ({ json = false, ...asked }: JsonOption & TokenAsked, self: Command) => {
      const { tokenCreate } = await import('./token-commands.ts');
      end(await tokenCreate({ hub: await control(self), asked, json }, terminal));
    });
  operation(token, 'list', 'list the tokens and the certificates of operators')
    .option(...jsonOption)
    .action(async ({ json = false }: JsonOption, self: Command) => {
      const { tokenList } = await import('./token-commands.ts');
      end(await tokenList({ hub: await control(self), json }, terminal));
    });
  operation(token, 'revoke', 'let nobody in with a token, or a certificate of an operator, any more')
    .argument('<id>', 'its id')
    .action(async (id: string, _options: object, self: Command) => {
      const { tokenRevoke } = await import('./token-commands.ts');
      end(await tokenRevoke({ hub: await control(self), id }, terminal));
    });
}

function popCommands(hub: Command, { operation, end, terminal, control }: HubFrame): void {
  const list = async (_options: object, self: Command): Promise<void> => {
    const { popsList } = await import('./pop-commands.ts');
    end(await popsList({ hub: await control(self), json: isJson(self) }, terminal));
  };
  const pops = operation(hub, 'pops', 'the PoPs of this hub; alone, list them')
    .option(...jsonOption)
    .action(list);
  operation(pops, 'list', 'list them, offline, stuck and late ones first')
    .option(...jsonOption)
    .action(list);
  operation(pops, 'show', 'show all that is known of one')
    .argument('<pop>', 'its name or id')
    .option(...jsonOption)
    .action(async (pop: string, _options: object, self: Command) => {
      const { popsShow } = await import('./pop-commands.ts');
      end(await popsShow({ hub: await control(self), json: isJson(self), pop }, terminal));
    });
  operation(pops, 'label', 'change the labels of one')
    .argument('<pop>', 'its name or id')
    .argument('<label...>', 'KEY=VALUE, or KEY- to remove it')
    .option(...jsonOption)
    .action(async (...[pop, words, _options, self]: [string, string[], object, Command]) => {
      const { popsLabel } = await import('./pop-commands.ts');
      end(await popsLabel({ hub: await control(self), json: isJson(self), pop, words }, terminal));
    });
  operation(pops, 'rename', 'give one another name')
    .argument('<pop>', 'its name or id')
    .argument('<new>', 'a name that no other PoP has')
    .option(...jsonOption)
    .action(async (...[pop, name, _options, self]: [string, string, object, Command]) => {
      const { popsRename } = await import('./pop-commands.ts');
      end(await popsRename({ hub: await control(self), json: isJson(self), pop, name }, terminal));
    });
  operation(pops, 'revoke', 'let one in no more, for ever')
    .argument('<pop>', 'its name or id')
    .option('--why <text>', 'for the audit')
    .option(...jsonOption)
    .action(async (pop: string, { why }: { why?: string }, self: Command) => {
      const { popsRevoke } = await import('./pop-commands.ts');
      const asked = { hub: await control(self), json: isJson(self), pop, why: why ?? null };
      end(await popsRevoke(asked, terminal));
    });
}

function keyCommands(hub: Command, { command, end, terminal, loaded }: HubFrame): void {
  const keys = command(hub, 'keys', 'the keys by which the hub signs; alone, list them')
    .option(...jsonOption)
    .action(async (_options: object, self: Command) => {
      const { keysList } = await import('./key-commands.ts');
      end(await keysList({ config: await loaded(self), json: isJson(self) }, terminal));
    });
  command(keys, 'rotate', 'make a new key, and sign by it after a while')
    .option('--after <duration>', 'how long PoPs have to hear of it', '7d')
    .option(...jsonOption)
    .action(async ({ after }: { after: string }, self: Command) => {
      const { keysRotate } = await import('./key-commands.ts');
      end(await keysRotate({ config: await loaded(self), json: isJson(self), after }, terminal));
    });
  command(keys, 'retire', 'sign by another what a key has signed, and believe it no more')
    .argument('<id>', 'which one')
    .option('--force', 'also when there are PoPs that may not know another one')
    .option(...jsonOption)
    .action(async (id: string, { force = false }: { force?: boolean }, self: Command) => {
      const { keysRetire } = await import('./key-commands.ts');
      end(await keysRetire({ config: await loaded(self), json: isJson(self), id, force }, terminal));
    });
}

/** Of the command, or of `pops` or `keys` before it: commander gives it to the first that knows it. */
function isJson(self: Command): boolean {
  return self.optsWithGlobals<JsonOption>().json ?? false;
}
