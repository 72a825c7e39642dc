import { agoText, bytesText } from '../../gateway/page/figures.ts';
import type { ShownPop } from '../../hub/api/control.ts';
import type { FleetStanding } from '../../hub/fleet/standing.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { labelsText } from './token-text.ts';

type Paint = Terminal['paint'];

const colours = {
  offline: 'red',
  stuck: 'red',
  late: 'yellow',
  registered: 'dim',
  current: 'green',
  revoked: 'dim',
} as const satisfies Record<FleetStanding['state'], Parameters<Paint>[0]>;

/** `pops list`: a line each. */
export function popsText(pops: readonly FleetStanding[], now: number, paint: Paint): string {
  if (pops.length === 0) return 'no PoP yet: `waystation hub token create` makes what one registers with';
  const heads = ['NAME', 'STATE', 'SEEN', 'VERSION', 'CHANNELS', 'ERRORS', 'LABELS'];
  const table = plainTable(heads.map((head) => paint('dim', head)));
  for (const { name, state, lastSeen, version, channels, errors, labels } of pops)
    table.push([
      plainText(name),
      paint(colours[state], state),
      agoText(lastSeen, now) ?? 'never',
      plainText(version ?? ''),
      plainText(channels.map(({ channel, snapshot }) => `${channel}:${snapshot ?? '-'}`).join(' ')),
      errors,
      labelsText(labels),
    ]);
  return tableText(table);
}

/** `pops show`: what the hub knows of one. */
export function popDetail(pop: ShownPop, now: number, paint: Paint): string {
  const { name, id, state, lastSeen, version, labels, channels, hitRatio, bytes, revoked, heartbeat } = pop;
  const lines = [
    `${paint('bold', plainText(name))} (${id}): ${paint(colours[state], state)}, seen ${agoText(lastSeen, now) ?? 'never'}`,
    `  labels: ${labelsText(labels) || 'none'}`,
    plainText(`  registered: ${pop.registered} from ${pop.from}, by the token ${pop.token}`),
    `  certificate: until ${pop.certificateEnds}`,
  ];
  if (revoked !== null)
    lines.push(plainText(`  revoked: ${revoked.at} by ${revoked.by}${revoked.why === null ? '' : `: ${revoked.why}`}`));
  if (heartbeat === null) return lines.join('\n');
  const hits = hitRatio === null ? 'nobody asked' : `${(hitRatio * 100).toFixed(1)} % hits`;
  const { cache } = heartbeat;
  lines.push(
    plainText(`  version: ${version ?? ''}`),
    `  traffic: ${bytesText(bytes)} since ${heartbeat.started}, ${hits}`,
    plainText(`  cache: ${cache.state}, ${bytesText(cache.bytes)} of ${bytesText(cache.max)}`),
  );
  for (const { channel, snapshot, complete, errors, behind } of channels) {
    const how = [behind ? 'behind' : 'current', complete ? 'complete' : 'incomplete', `${errors} errors`];
    lines.push(plainText(`  channel ${channel}: ${snapshot ?? 'nothing yet'}, ${how.join(', ')}`));
  }
  for (const { errors } of heartbeat.channels)
    for (const { code, message, path } of errors)
      lines.push(plainText(`  ${paint('red', 'error')}: ${path === null ? '' : `${path}: `}${message} (${code})`));
  return lines.join('\n');
}
