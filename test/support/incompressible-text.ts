import { createHash } from 'node:crypto';

/** ASCII text of this many bytes that no compression makes much smaller; the same for the same seed. */
export function incompressibleText(bytes: number, seed = 'a'): string {
  const block: string[] = [];
  for (let index = 0; index * 64 < Math.min(bytes, 1 << 20); index++)
    block.push(createHash('sha256').update(`${seed}${index}`).digest('hex'));
  const megabyte = block.join('');
  // A different beginning for each repetition: blocks are not copies of another.
  const parts: string[] = [];
  for (let at = 0; at < bytes; at += megabyte.length)
    parts.push(`${seed}${at}-`.padStart(64, '0') + megabyte.slice(64));
  return parts.join('').slice(0, bytes);
}
