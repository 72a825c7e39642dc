import type { GateReport } from '../../hub/gates/check.ts';
import type { GateFinding } from '../../hub/gates/finding.ts';
import { plainText, type Terminal } from '../terminal.ts';

/** A report of gates for people: each gate, each finding, and the verdict. */
export function gateText(
  { snapshot, before, packages, gates, findings, passed }: GateReport,
  paint: Terminal['paint'],
): string {
  const compared = before === null ? 'compared with nothing' : `compared with ${plainText(before)}`;
  const lines = [`${paint('bold', plainText(snapshot))}: ${packages.all} packages, ${packages.new} new, ${compared}`];
  for (const { gate, level, findings: count } of gates)
    lines.push(`  ${plainText(gate)} (${level}): ${count === 0 ? paint('green', 'nothing found') : `${count} found`}`);
  for (const finding of findings) lines.push(findingText(finding, paint));
  lines.push(passed ? paint('green', 'passed') : paint('red', 'not passed'));
  return lines.join('\n');
}

/** One line: `error: signed-by: a-1-1.noarch is not signed by any of the keys`. */
export function findingText({ gate, level, subject, message, waived }: GateFinding, paint: Terminal['paint']): string {
  const what = plainText(`${gate}: ${subject === '*' ? '' : `${subject} `}${message}`);
  if (waived === null) return `${paint(level === 'error' ? 'red' : 'yellow', level)}: ${what}`;
  const { by, why, until } = waived;
  return `${paint('dim', 'waived')}: ${what} (by ${plainText(by)} until ${plainText(until)}: ${plainText(why)})`;
}
