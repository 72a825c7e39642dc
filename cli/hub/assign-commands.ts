import { loadAssignments } from '../../config/hub/assignments.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { AssignmentRule } from '../../hub/fleet/assignment-rules.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { labelsText } from './token-text.ts';

/** `hub assign [--from FILE]`: puts the rules of a file in the place of all that there were, or shows these. */
export async function assign(
  { hub, from, json }: { readonly hub: HubControl; readonly from: string | undefined; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const entries = from === undefined ? null : loadAssignments(from);
  const said = await (entries === null ? hub.assignments() : hub.setAssignments(entries));
  terminal.out(json ? JSON.stringify(said, null, 2) : rulesText(said.assignments));
  return exitCodes.ok;
}

function rulesText(rules: readonly AssignmentRule[] | null): string {
  if (rules === null) return 'no assignments: every PoP may follow every channel';
  if (rules.length === 0) return 'no PoP may follow any channel: the list of assignments is empty';
  return rules
    .map(({ select, channels, policy, deny, heartbeat }) => {
      const said = [
        channels.length === 0 ? 'no channel' : channels.join(', '),
        ...(policy === null ? [] : [`policy ${policy}`]),
        ...(deny.length === 0 ? [] : [deny.length === 1 ? 'one file denied' : `${deny.length} files denied`]),
        ...(heartbeat === null ? [] : [`a heartbeat every ${heartbeat} s`]),
      ];
      return plainText(`${labelsText(select) || 'every PoP'}: ${said.join('; ')}`);
    })
    .join('\n');
}
