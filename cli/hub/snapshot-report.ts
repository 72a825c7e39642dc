import type { HubControl } from '../../hub/api/control.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { gateText } from './gate-text.ts';

/** `hub snapshot report NAME [--all]`: what gates said of it last, or each time. */
export async function snapshotReport(
  {
    hub,
    name,
    all,
    json,
  }: { readonly hub: HubControl; readonly name: string; readonly all: boolean; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const list = await hub.reports(name, all);
  const { reports } = list;
  if (json) terminal.out(JSON.stringify(list, null, 2));
  else if (reports.length === 0) terminal.out('no gate has looked at it yet');
  else
    for (const report of reports) {
      const { occasion, channel, by, at } = report;
      const aim = channel === null ? '' : occasion === 'promote' ? ` to ${channel}` : ` for ${channel}`;
      terminal.out(plainText(`${occasion}${aim} by ${by}, ${at}`));
      terminal.out(gateText(report, terminal.paint));
    }
  return exitCodes.ok;
}
