import { WaystationError } from '../../base/errors.ts';
import { parseDuration } from '../../config/durations.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { changedLabels, parseLabelChanges } from '../../hub/fleet/labels.ts';
import { operatorRoles } from '../../hub/operators/operators.ts';
import type { OperatorRole } from '../../hub/operators/operators.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { textOf } from './elsewhere.ts';
import { tokensText } from './token-text.ts';

/** As the command line has it. */
export interface TokenAsked {
  readonly label?: readonly string[];
  readonly uses?: string;
  readonly ttl?: string;
  readonly role?: string;
  readonly name?: string;
  readonly csr?: string;
}

/** `hub token create`: the token alone on a line, or the certificate, so that it can be piped into a file. */
export async function tokenCreate(
  { hub, asked, json }: { readonly hub: HubControl; readonly asked: TokenAsked; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const ttl = lifeOf(asked);
  if (asked.role !== undefined) return operatorCreate({ hub, asked, ttl, json }, terminal);
  if (asked.name !== undefined || asked.csr !== undefined)
    throw new WaystationError('bad_request', '--name and --csr go with --role: a PoP has its own');
  const uses = Number(asked.uses ?? '1');
  if (!/^\d{1,6}$/.test(asked.uses ?? '1') || uses < 1)
    throw new WaystationError('bad_request', '--uses is a whole number from 1 to 999999');
  const labels = changedLabels({}, parseLabelChanges(asked.label ?? []));
  const made = await hub.createToken({ labels, uses, ttl });
  terminal.out(json ? JSON.stringify(made, null, 2) : made.token);
  return exitCodes.ok;
}

async function operatorCreate(
  {
    hub,
    asked,
    ttl,
    json,
  }: { readonly hub: HubControl; readonly asked: TokenAsked; readonly ttl: number; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { role = '', name, label, uses, csr } = asked;
  if (label !== undefined || uses !== undefined)
    throw new WaystationError(
      'bad_request',
      '--label and --uses are for tokens of PoPs, --role for those of operators',
    );
  if (name === undefined) throw new WaystationError('bad_request', '--role needs --name: who acts with the token');
  if (!operatorRoles.includes(role as OperatorRole))
    throw new WaystationError('bad_request', `--role is one of ${operatorRoles.join(', ')}`);
  const wanted = { name, role: role as OperatorRole, ttl };
  if (csr !== undefined) {
    const made = await hub.certifyOperator({ ...wanted, csr: await textOf(csr) });
    terminal.out(json ? JSON.stringify(made, null, 2) : made.certificate.trimEnd());
    return exitCodes.ok;
  }
  const made = await hub.createOperator(wanted);
  terminal.out(json ? JSON.stringify(made, null, 2) : made.token);
  return exitCodes.ok;
}

/** `hub token list`: never a secret, nor its hash. */
export async function tokenList(
  { hub, json }: { readonly hub: HubControl; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const rows = await hub.tokens();
  terminal.out(json ? JSON.stringify(rows, null, 2) : tokensText(rows, terminal.paint));
  return exitCodes.ok;
}

/** `hub token revoke ID` */
export async function tokenRevoke(
  { hub, id }: { readonly hub: HubControl; readonly id: string },
  terminal: Terminal,
): Promise<number> {
  await hub.revokeToken(id);
  terminal.out(plainText(`${id} is revoked`));
  return exitCodes.ok;
}

/** Seconds. A token of a PoP is for the hour in which it is set up, unless told otherwise; an operator says for how long. */
function lifeOf({ ttl, role }: TokenAsked): number {
  if (ttl === undefined && role !== undefined)
    throw new WaystationError('bad_request', '--role needs --ttl, such as 90d');
  const life = parseDuration(ttl ?? '1h');
  if (life === null || life < 1_000) throw new WaystationError('bad_request', '--ttl is a duration such as 1h or 90d');
  return Math.floor(life / 1_000);
}
