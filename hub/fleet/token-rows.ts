import type { OperatorRecord } from '../operators/operators.ts';
import type { TokenRecord } from './tokens.ts';

/** Whether a token lets anybody in. */
export type TokenState = 'good' | 'used up' | 'ended' | 'revoked';

interface Row {
  readonly id: string;
  readonly state: TokenState;
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
  readonly operators: readonly (Row & {
    readonly name: string;
    readonly role: string;
    readonly kind: 'token' | 'certificate';
  })[];
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
      .map(({ id, name, role, key, created, expires, by, revoked }) => {
        const state = stateOf({ revoked, expires, isUsedUp: false }, now);
        return { id, state, name, role, kind: key === null ? 'token' : 'certificate', created, expires, by } as const;
      })
      .toSorted(oldestFirst),
  };
}

function stateOf(
  { revoked, expires, isUsedUp }: { readonly revoked: unknown; readonly expires: string; readonly isUsedUp: boolean },
  now: number,
): TokenState {
  if (revoked !== null) return 'revoked';
  if (Date.parse(expires) <= now) return 'ended';
  return isUsedUp ? 'used up' : 'good';
}
