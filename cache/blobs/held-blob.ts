import type { ByteSource } from '../../base/body.ts';
import { WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Lease } from './descriptors.ts';

/** A held file, opened. */
export interface HeldBlob extends ByteSource {
  readonly size: number;
}

/** One whose file is leased. @param path for errors. */
export function heldBlob(lease: Lease, path: string, size: number): HeldBlob {
  return {
    size,
    async read(buffer, position, length) {
      const count = await lease.file
        .read(buffer, position, Math.min(length, size - position))
        .catch((error: unknown) => {
          throw diskError(error, path);
        });
      if (count === 0) throw new WaystationError('blob_damaged', `${path} is shorter than its name says`);
      return count;
    },
    release: () => lease.release(),
  };
}
