import type { RunStatus } from '../../base/status.ts';
import { bytesText } from '../../gateway/page/figures.ts';
import { plainText } from '../terminal.ts';

/** A line for each file that was found wrong: healed or not, and why. */
export function verifyFailureLines({ failures, failureCount }: RunStatus): string[] {
  const lines = failures.map(({ path, code, reason, healed = false }) => {
    const what = path === '' ? '' : `${plainText(path)}: `;
    return `${healed ? 'healed' : 'not healed'}: ${what}${code}: ${plainText(reason)}`;
  });
  const more = failureCount - failures.length;
  return more === 0 ? lines : [...lines, `${more} more are not named`];
}

/** What the run comes to: `412 files, 3.9 GiB read: 2 damaged, of which 1 healed`. */
export function verdictLine({ phases, failureCount, healedCount, state }: RunStatus): string {
  const held = phases.find(({ name }) => name === 'held files');
  const files = held?.done ?? 0;
  const found = failureCount === 0 ? 'all right' : `${failureCount} damaged or lost, of which ${healedCount} healed`;
  const read = `${files} ${files === 1 ? 'file' : 'files'}, ${bytesText(held?.bytes ?? 0)} read`;
  return state === 'cancelled' ? `${read}, then cancelled: ${found} so far` : `${read}: ${found}`;
}
