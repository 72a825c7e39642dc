import { invariant } from '../base/errors.ts';

/**
 * Buffers for bodies on their way out. Lending never waits: a reader that has stalled must not cost another one its
 * turn. Instead buffers get smaller as more are lent, so that memory stays bounded by the number of connections.
 */
export interface BufferPool {
  /**
   * Lends a buffer of at least 16 KiB, at best as long as `wanted`. Its content is whatever it held last.
   * @param wanted bytes; Infinity when nobody knows.
   */
  lend(wanted: number): Buffer;
  /** Takes a buffer back for the next one: nobody may read or write it any more, the kernel included. */
  giveBack(buffer: Buffer): void;
  /** Stops counting a buffer that something may still use: the garbage collector takes it when that is done. */
  forget(buffer: Buffer): void;
  /** Bytes lent at this moment. */
  readonly lent: number;
}

interface SizeClass {
  /** Of one buffer, bytes. */
  readonly size: number;
  /** As many may be lent at once; above that the next smaller size is lent. */
  readonly maximum: number;
  /** As many are kept while nobody needs them. */
  readonly kept: number;
}

/**
 * 512 KiB a read is where CPU per byte stops falling (64 KiB cost half as much again). 64 of these serve as many
 * transfers at full speed; a thousand stalled readers hold 32 MiB + 32 MiB + 7 MiB instead of 500 MiB.
 */
const sizeClasses: readonly SizeClass[] = [
  { size: 512 * 1024, maximum: 64, kept: 32 },
  { size: 64 * 1024, maximum: 512, kept: 64 },
  { size: 16 * 1024, maximum: Infinity, kept: 64 },
];

/** @param classes from large to small; the last one without a maximum. */
export function bufferPool(classes: readonly SizeClass[] = sizeClasses): BufferPool {
  const shelves = classes.map((sizeClass) => ({ ...sizeClass, idle: [] as Buffer[], lent: 0 }));
  const shelfOf = (buffer: Buffer): (typeof shelves)[number] => {
    const shelf = shelves.find(({ size }) => size === buffer.length);
    invariant(shelf !== undefined && shelf.lent > 0, 'a buffer comes back to the pool that lent it, once');
    shelf.lent--;
    return shelf;
  };
  return {
    lend(wanted) {
      const fitting = shelves.findLastIndex(({ size }) => size >= wanted);
      const shelf = shelves.slice(Math.max(0, fitting)).find(({ lent, maximum }) => lent < maximum);
      invariant(shelf !== undefined, 'the smallest buffers are lent without a maximum');
      shelf.lent++;
      // Not from Node's shared slab: these live long, and each is its own allocation.
      return shelf.idle.pop() ?? Buffer.allocUnsafeSlow(shelf.size);
    },
    giveBack(buffer) {
      const shelf = shelfOf(buffer);
      if (shelf.idle.length < shelf.kept) shelf.idle.push(buffer);
    },
    forget: (buffer) => void shelfOf(buffer),
    get lent() {
      return shelves.reduce((sum, { lent, size }) => sum + lent * size, 0);
    },
  };
}
