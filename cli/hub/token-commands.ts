import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { parseDuration } from '../../config/durations.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { changedLabels, parseLabelChanges } from '../../hub/fleet/labels.ts';
import { tokenRows } from '../../hub/fleet/token-rows.ts';
import { operatorRoles } from '../../hub/operators/operators.ts';
import type { OperatorRole } from '../../hub/operators/operators.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { localUser } from './local-user.ts';
import { openFleet } from './fleet-parts.ts';
import { tokensText } from './token-text.ts';

/** As the command line has it. */
export interface TokenAsked {
  readonly label?: readonly string[];
  readonly uses?: string;
  readonly ttl?: string;
  readonly role?: string;
  readonly name?: string;
}

/** `hub token create`: the token alone on a line, so that it can be piped into a file. */
export async function tokenCreate(
  { config, asked, json }: { readonly config: HubConfig; readonly asked: TokenAsked; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const ttl = lifeOf(asked);
  if (asked.role !== undefined) return operatorCreate({ config, asked, ttl, json }, terminal);
  if (asked.name !== undefined) throw new WaystationError('bad_request', '--name goes with --role: a PoP has its own');
  const uses = Number(asked.uses ?? '1');
  if (!/^\d{1,6}$/.test(asked.uses ?? '1') || uses < 1)
    throw new WaystationError('bad_request', '--uses is a whole number from 1 to 999999');
  const labels = changedLabels({}, parseLabelChanges(asked.label ?? []));
  const { tokens } = await openFleet(config);
  const { record, text } = await tokens.create({ labels, uses, ttl }, localUser());
  const { id, expires } = record;
  const made = { token: text, id, labels, uses, expires, url: config.publicUrl };
  terminal.out(json ? JSON.stringify(made, null, 2) : text);
  return exitCodes.ok;
}

async function operatorCreate(
  {
    config,
    asked,
    ttl,
    json,
  }: { readonly config: HubConfig; readonly asked: TokenAsked; readonly ttl: number; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { role = '', name, label, uses } = asked;
  if (label !== undefined || uses !== undefined)
    throw new WaystationError(
      'bad_request',
      '--label and --uses are for tokens of PoPs, --role for those of operators',
    );
  if (name === undefined) throw new WaystationError('bad_request', '--role needs --name: who acts with the token');
  if (!operatorRoles.includes(role as OperatorRole))
    throw new WaystationError('bad_request', `--role is one of ${operatorRoles.join(', ')}`);
  const { tokens } = await openFleet(config);
  const { record, text } = await tokens.createOperator({ name, role: role as OperatorRole, ttl }, localUser());
  const made = { token: text, id: record.id, name, role, expires: record.expires };
  terminal.out(json ? JSON.stringify(made, null, 2) : text);
  return exitCodes.ok;
}

/** `hub token list`: never a secret, nor its hash. */
export async function tokenList(
  { config, json }: { readonly config: HubConfig; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const rows = tokenRows(await (await openFleet(config)).tokens.list(), systemClock.now());
  terminal.out(json ? JSON.stringify(rows, null, 2) : tokensText(rows, terminal.paint));
  return exitCodes.ok;
}

/** `hub token revoke ID` */
export async function tokenRevoke(
  { config, id }: { readonly config: HubConfig; readonly id: string },
  terminal: Terminal,
): Promise<number> {
  await (await openFleet(config)).tokens.revoke(id, localUser());
  terminal.out(plainText(`${id} is revoked`));
  return exitCodes.ok;
}

/** A token of a PoP is for the hour in which it is set up, unless told otherwise; an operator says for how long. */
function lifeOf({ ttl, role }: TokenAsked): number {
  if (ttl === undefined && role !== undefined)
    throw new WaystationError('bad_request', '--role needs --ttl, such as 90d');
  const life = parseDuration(ttl ?? '1h');
  if (life === null || life < 1_000) throw new WaystationError('bad_request', '--ttl is a duration such as 1h or 90d');
  return life;
}
