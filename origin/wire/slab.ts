/** Bytes. The first slab of a body is small: most whose length nobody knows are. */
const firstSlab = 64 * 1024;
const slabSize = 256 * 1024;
/** A read is not begun with less room than this. */
const leastRoom = 64 * 1024;
/** Smaller chunks are copied out, so that whoever keeps one does not keep a slab. */
const smallChunk = 16 * 1024;

/**
 * Few large buffers that one body is read into, instead of a new one for each read. A chunk is never written again, so
 * whoever gets it may keep it.
 */
export class Slab {
  #bytes: Buffer;
  #used = 0;

  /** @param expected bytes of the body, as far as is known. */
  constructor(expected: number | null) {
    this.#bytes = Buffer.allocUnsafeSlow(expected === null ? firstSlab : slabSize);
  }

  /** Where the next bytes may be read to. */
  room(): Buffer {
    if (this.#bytes.length - this.#used < leastRoom) {
      this.#bytes = Buffer.allocUnsafeSlow(slabSize);
      this.#used = 0;
    }
    return this.#bytes.subarray(this.#used);
  }

  /** @param count of bytes that were put at the beginning of the room. */
  took(count: number): Buffer {
    const chunk = this.#bytes.subarray(this.#used, this.#used + count);
    if (count < smallChunk) return Buffer.from(chunk);
    this.#used += count;
    return chunk;
  }
}
