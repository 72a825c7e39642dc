import type { Explanation } from '../../gateway/admin/ports.ts';
import { bytesText } from '../../gateway/page/figures.ts';
import { encodePath } from '../../http/request-path.ts';
import { plainText, type Terminal } from '../terminal.ts';

/** Why a path is or is not here, for people: the sentence first, then what it rests on. */
export function explanationText(explanation: Explanation, paint: Terminal['paint']): string {
  const { path, verdict, reason, subscription, repository, generation, listed, held, source } = explanation;
  const served = ['hit', 'stale', 'unlisted-hit', 'local'].includes(verdict);
  const rows: [string, string | null][] = [
    ['subscription', subscription],
    ['repository', repository],
    ['generation', generation],
    ['listed', listed === null ? 'no' : `${listed.digest}, ${listed.size} bytes (${bytesText(listed.size)})`],
    ['held', held ? 'yes' : 'no'],
    ['source', source],
  ];
  return [
    `${plainText(path)}: ${paint(served ? 'green' : 'yellow', verdict)}: ${plainText(reason)}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(13)} ${value === null ? '-' : plainText(value)}`),
  ].join('\n');
}

/**
 * What the operator typed as the path of a request: a URL or what begins with `/` as it stands (percent-encoded, as in
 * a log); anything else as a name below `/content/`, raw, as metadata has it.
 */
export function requestPathOf(typed: string): string {
  if (/^https?:\/\//i.test(typed) && URL.canParse(typed)) return new URL(typed).pathname;
  return typed.startsWith('/') ? typed : `/content/${encodePath(typed)}`;
}
