import type { HubConfig } from '../../config/hub/config.ts';
import { Reports } from '../../hub/gates/reports.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { gateText } from './gate-text.ts';
import { openHub } from './hub-parts.ts';

/** `hub snapshot report NAME [--all]`: what gates said of it last, or each time. */
export async function snapshotReport(
  {
    config,
    name,
    all,
    json,
  }: { readonly config: HubConfig; readonly name: string; readonly all: boolean; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { store, snapshots } = await openHub(config);
  await snapshots.need(name);
  const reports = await new Reports(store).of(name, all ? Infinity : 1);
  if (json) terminal.out(JSON.stringify({ snapshot: name, reports }, null, 2));
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
