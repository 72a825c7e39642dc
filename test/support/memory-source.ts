import type { ByteSource } from '../../base/body.ts';

/** Bytes in memory as a source that counts what is done to it, and can be told to misbehave. */
export interface MemorySource extends ByteSource {
  readonly released: number;
  /** How many reads have begun. */
  readonly reads: number;
}

export interface MemorySourceOptions {
  /** What `size` says; default the real length. Null: the source ends with a read of 0. */
  readonly size?: number | null;
  /** At most so many bytes a read. */
  readonly chunk?: number;
  /** The first read that would pass this position gives what is before it; the next one rejects. */
  readonly failAt?: number;
  /** Awaited by every read before it gives bytes. */
  readonly before?: (position: number) => Promise<void>;
}

export class SourceFailure extends Error {}

export function memorySource(bytes: Buffer, options: MemorySourceOptions = {}): MemorySource {
  const { size = bytes.length, chunk = Infinity, failAt = Infinity, before } = options;
  const counts = { released: 0, reads: 0 };
  return {
    size,
    get released() {
      return counts.released;
    },
    get reads() {
      return counts.reads;
    },
    async read(buffer, position, length) {
      counts.reads++;
      if (counts.released > 0) throw new Error('read after release');
      await before?.(position);
      if (position >= failAt) throw new SourceFailure(`no byte ${position}`);
      return bytes.copy(buffer, 0, position, Math.min(position + length, position + chunk, failAt, bytes.length));
    },
    release: () => void counts.released++,
  };
}
