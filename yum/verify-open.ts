import { algorithmOf, hasher, type Listed } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';

/**
 * Passes a decompressed record on and proves it by the open-size and open-checksum of repomd.xml: at the end, and as
 * soon as it is too long.
 * @param open null when repomd.xml does not say: the checksum of the file as named is the proof then.
 * @throws WaystationError `record_mismatch` while iterating.
 */
export async function* verifyOpen(source: AsyncIterable<Buffer>, open: Listed | null): AsyncGenerator<Buffer> {
  if (open === null) {
    yield* source;
    return;
  }
  const hash = hasher(algorithmOf(open.digest));
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > open.size) throw mismatch(`is longer than its open-size of ${open.size} bytes`);
    hash.update(chunk);
    yield chunk;
  }
  if (size !== open.size) throw mismatch(`has ${size} bytes, not its open-size of ${open.size}`);
  const digest = hash.digest();
  if (digest !== open.digest) throw mismatch(`has the digest ${digest}, not its open-checksum ${open.digest}`);
}

function mismatch(reason: string): WaystationError {
  return new WaystationError('record_mismatch', `decompressed metadata ${reason}`);
}
