import { systemClock } from '../../base/clock.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { loadAssignments } from '../../config/hub/assignments.ts';
import { readRules, setRules } from '../../hub/fleet/assignment-rules.ts';
import type { AssignmentRules } from '../../hub/fleet/assignment-rules.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { localUser } from './local-user.ts';
import { openFleet } from './fleet-parts.ts';
import { labelsText } from './token-text.ts';

/** `hub assign [--from FILE]`: puts the rules of a file in the place of all that there were, or shows these. */
export async function assign(
  { config, from, json }: { readonly config: HubConfig; readonly from: string | undefined; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const entries = from === undefined ? null : loadAssignments(from);
  const { store, audit } = await openFleet(config);
  if (entries !== null) {
    const who = localUser();
    await setRules(store, entries, { by: who.name, clock: systemClock });
    await audit.note({ who, what: 'assignments.set', on: 'assignments', to: `${entries.length} rules` });
  }
  const rules = await readRules(store);
  terminal.out(json ? JSON.stringify({ assignments: rules?.rules ?? null }, null, 2) : rulesText(rules));
  return exitCodes.ok;
}

function rulesText(rules: AssignmentRules | null): string {
  if (rules === null) return 'no assignments: every PoP may follow every channel';
  if (rules.rules.length === 0) return 'no PoP may follow any channel: the list of assignments is empty';
  return rules.rules
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
