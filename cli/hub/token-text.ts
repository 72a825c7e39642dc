import type { TokenRecord } from '../../hub/fleet/tokens.ts';
import type { OperatorRecord } from '../../hub/operators/operators.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

type State = 'good' | 'used up' | 'ended' | 'revoked';

interface Row {
  readonly id: string;
  readonly state: State;
  readonly created: string;
  readonly expires: string;
  readonly by: string;
}

/** What is shown of tokens: everything but what would let somebody in. */
export interface TokenRows {
  readonly tokens: readonly (Row & {
    readonly labels: Readonly<Record<string, string>>;
    readonly uses: number;
    readonly used: number;
  })[];
  readonly operators: readonly (Row & { readonly name: string; readonly role: string })[];
}

export function tokenRows(
  { tokens, operators }: { readonly tokens: readonly TokenRecord[]; readonly operators: readonly OperatorRecord[] },
  now: number,
): TokenRows {
  const oldestFirst = (one: Row, other: Row): number => (one.created < other.created ? -1 : 1);
  return {
    tokens: tokens
      .map(({ id, labels, uses, claims, created, expires, by, revoked }) => {
        const state = stateOf({ revoked, expires, isUsedUp: claims.length >= uses }, now);
        return { id, state, labels, uses, used: claims.length, created, expires, by };
      })
      .toSorted(oldestFirst),
    operators: operators
      .map(({ id, name, role, created, expires, by, revoked }) => {
        const state = stateOf({ revoked, expires, isUsedUp: false }, now);
        return { id, state, name, role, created, expires, by };
      })
      .toSorted(oldestFirst),
  };
}

export function tokensText({ tokens, operators }: TokenRows, paint: Terminal['paint']): string {
  if (tokens.length + operators.length === 0) return 'no token yet';
  const table = plainTable(['ID', 'STATE', 'FOR', 'USED', 'ENDS', 'BY'].map((head) => paint('dim', head)));
  const stateText = (state: State): string => (state === 'good' ? paint('green', state) : paint('dim', state));
  for (const { id, state, labels, uses, used, expires, by } of tokens)
    table.push([id, stateText(state), `PoPs ${labelsText(labels)}`.trim(), `${used}/${uses}`, expires, plainText(by)]);
  for (const { id, state, name, role, expires, by } of operators)
    table.push([id, stateText(state), `${role} ${name}`, '', expires, plainText(by)]);
  return tableText(table);
}

/** `ring=early site=lyon` */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(' ');
}

function stateOf(
  { revoked, expires, isUsedUp }: { readonly revoked: unknown; readonly expires: string; readonly isUsedUp: boolean },
  now: number,
): State {
  if (revoked !== null) return 'revoked';
  if (Date.parse(expires) <= now) return 'ended';
  return isUsedUp ? 'used up' : 'good';
}
