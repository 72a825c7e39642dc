import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';

/** Bytes of one read while a file is hashed. */
const readSize = 512 * 1024;

export interface CheckOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of each read; what it returns is waited for: a pace, or progress. */
  readonly onRead?: (bytes: number) => void | Promise<void>;
}

/**
 * Hashes a file as its metadata lists it.
 * @returns `wrong` when length or digest differ, `absent` when there is no such file.
 * @throws WaystationError `disk_failing` when it cannot be read, the signal's reason when that aborts.
 */
export async function checkFile(
  disk: Disk,
  path: string,
  listed: Listed,
  { signal, onRead }: CheckOptions = {},
): Promise<'right' | 'wrong' | 'absent'> {
  try {
    const file = await disk.openRead(path);
    if (file === null) return 'absent';
    try {
      if (file.size !== listed.size) return 'wrong';
      const hash = hasher(algorithmOf(listed.digest));
      const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, Math.max(1, listed.size)));
      for (let position = 0; position < listed.size;) {
        signal?.throwIfAborted();
        const count = await file.read(buffer, position, Math.min(buffer.length, listed.size - position));
        if (count === 0) return 'wrong';
        hash.update(buffer.subarray(0, count));
        position += count;
        await onRead?.(count);
      }
      return hash.digest() === listed.digest ? 'right' : 'wrong';
    } finally {
      await file.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw diskError(error, path);
  }
}
