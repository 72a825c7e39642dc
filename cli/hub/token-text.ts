import type { TokenRows, TokenState } from '../../hub/fleet/token-rows.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

export function tokensText({ tokens, operators }: TokenRows, paint: Terminal['paint']): string {
  if (tokens.length + operators.length === 0) return 'no token yet';
  const table = plainTable(['ID', 'STATE', 'FOR', 'USED', 'ENDS', 'BY'].map((head) => paint('dim', head)));
  const stateText = (state: TokenState): string => (state === 'good' ? paint('green', state) : paint('dim', state));
  for (const { id, state, labels, uses, used, expires, by } of tokens)
    table.push([id, stateText(state), `PoPs ${labelsText(labels)}`.trim(), `${used}/${uses}`, expires, plainText(by)]);
  for (const { id, state, name, role, kind, expires, by } of operators)
    table.push([
      id,
      stateText(state),
      `${role} ${name}${kind === 'token' ? '' : ' (certificate)'}`,
      '',
      expires,
      plainText(by),
    ]);
  return tableText(table);
}

/** `ring=early site=lyon` */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(' ');
}
