import { WaystationError } from '../../base/errors.ts';
import type { Part } from './part.ts';

/** What a client was sent already from a part that can go no further. */
export interface Sent {
  readonly part: Part;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * Lets a client go on with another transfer only if that repeats what it was sent.
 * @throws WaystationError `upstream_lied` when `chunk`, which begins at `position`, differs from it; the disk's, when
 * what was sent cannot be read any more.
 */
export async function requireRepeated(sent: Sent, chunk: Buffer, position: number): Promise<void> {
  const from = Math.max(position, sent.start);
  const to = Math.min(position + chunk.length, sent.end);
  if (from >= to) return;
  const before = Buffer.allocUnsafe(to - from);
  let done = 0;
  while (done < before.length) {
    const count = await sent.part.read(before.subarray(done), from + done, before.length - done);
    if (count === 0) break;
    done += count;
  }
  if (!before.subarray(0, done).equals(chunk.subarray(from - position, to - position))) {
    throw new WaystationError('upstream_lied', 'the upstream sent other bytes than before');
  }
}
