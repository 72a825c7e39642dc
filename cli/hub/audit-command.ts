import { WaystationError } from '../../base/errors.ts';
import { parseDuration } from '../../config/durations.ts';
import { systemClock } from '../../base/clock.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { AuditEntry } from '../../hub/audit/audit.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

/** `hub audit`: what was done, in the order of time. */
export async function auditList(
  { hub, since, json }: { readonly hub: HubControl; readonly since: string | undefined; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const from = since === undefined ? -Infinity : instantOf(since);
  const list = await hub.audit(from);
  terminal.out(json ? JSON.stringify(list, null, 2) : auditText(list.audit, terminal.paint));
  return exitCodes.ok;
}

/** A date, a time, or a duration back from now. */
function instantOf(text: string): number {
  const back = parseDuration(text);
  const at = back === null ? Date.parse(text) : systemClock.now() - back;
  if (Number.isNaN(at) || (back === null && !/^\d{4}-\d\d-\d\d/.test(text)))
    throw new WaystationError('bad_request', '--since is a date, a time such as 2026-11-30T10:00:00Z, or 24h');
  return at;
}

function auditText(entries: readonly AuditEntry[], paint: Terminal['paint']): string {
  if (entries.length === 0) return 'nothing was done';
  const table = plainTable(['TIME', 'WHO', 'WHAT', 'ON', 'TO', 'WHY'].map((head) => paint('dim', head)));
  for (const { at, who, what, on, to, why } of entries) {
    const from = who.from === null ? '' : ` (${who.from})`;
    table.push([at, ...[`${who.kind} ${who.name}${from}`, what, on, to ?? '', why ?? ''].map(plainText)]);
  }
  return tableText(table);
}
