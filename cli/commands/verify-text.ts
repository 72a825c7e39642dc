import type { RunStatus } from '../../base/status.ts';
import { bytesText } from '../../gateway/page/figures.ts';
import { plainText } from '../terminal.ts';

/** A line for each file that was found wrong: healed or not, and why. */
export function verifyFailureLines({ failures }: RunStatus): string[] {
  return failures.map(({ path, code, reason, healed = false }) => {
    const what = path === '' ? '' : `${plainText(path)}: `;
    return `${healed ? 'healed' : 'not healed'}: ${what}${code}: ${plainText(reason)}`;
  });
}

/** What the run comes to: `412 files, 3.9 GiB read: 2 damaged, of which 1 healed`. */
export function verdictLine({ phases, failures, state }: RunStatus): string {
  const held = phases.find(({ name }) => name === 'held files');
  const files = held?.done ?? 0;
  const healed = failures.filter((failure) => failure.healed === true).length;
  const found = failures.length === 0 ? 'all right' : `${failures.length} damaged or lost, of which ${healed} healed`;
  const read = `${files} ${files === 1 ? 'file' : 'files'}, ${bytesText(held?.bytes ?? 0)} read`;
  return state === 'cancelled' ? `${read}, then cancelled: ${found} so far` : `${read}: ${found}`;
}
