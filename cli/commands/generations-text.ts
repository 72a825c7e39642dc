import type { GenerationStatus } from '../../base/status.ts';
import type { Pinning, Switched } from '../../gateway/admin/ports.ts';
import { agoText, bytesText } from '../../gateway/page/figures.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText, type Terminal } from '../terminal.ts';

/** The kept generations for people: a line each, newest first of each subscription. */
export function generationsText(
  generations: readonly GenerationStatus[],
  now: number,
  paint: Terminal['paint'],
): string {
  if (generations.length === 0) return 'no generation is kept yet';
  const heads = ['GENERATION', 'SUBSCRIPTION', 'CREATED', 'STATE', 'REPOSITORIES', 'PACKAGES', 'BYTES'];
  const table = plainTable(heads.map((head) => paint('dim', head)));
  for (const generation of generations) {
    const { id, subscription, created, repositories, packages, bytes } = generation;
    table.push([
      plainText(id),
      plainText(subscription),
      agoText(created, now) ?? '',
      words(generation, paint),
      Object.keys(repositories).length,
      `${packages.held}/${packages.listed}`,
      `${bytesText(bytes.held)}/${bytesText(bytes.listed)}`,
    ]);
  }
  return tableText(table);
}

function words({ current, pinned, rolledBack }: GenerationStatus, paint: Terminal['paint']): string {
  const said = [
    ...(current ? [paint('green', 'current')] : []),
    ...(rolledBack ? [paint('yellow', 'rolled back')] : []),
    ...(pinned ? ['pinned'] : []),
  ];
  return said.length === 0 ? 'kept' : said.join(', ');
}

export function pinningText({ generation, subscription, pinned, changed }: Pinning): string {
  const whose = subscription === null ? '' : ` of ${subscription}`;
  const already = changed ? '' : ' already';
  return plainText(`${generation}${whose} is${already} ${pinned ? 'pinned' : 'not pinned'}`);
}

export function switchedText({ subscription, generation, newest, rolledBackSince, changed }: Switched): string {
  const already = changed ? '' : ' already';
  if (rolledBackSince === null)
    return plainText(`${subscription} serves its newest generation${already}: ${generation}`);
  const ahead = newest === generation ? 'which is the newest' : `the newest is ${newest}`;
  return plainText(
    `${subscription} is${already} rolled back to ${generation}, until: waystation release ${subscription} (${ahead})`,
  );
}
