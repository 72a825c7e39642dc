import { WaystationError } from '../../base/errors.ts';

/** Bytes that may wait for the reader before the writer is asked to wait. */
const windowLimit = 1024 * 1024;

/** A bounded queue of bytes between one transfer and one client: the client's pace holds the transfer back. */
export class ByteQueue {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #ended: 'complete' | Error | null = null;
  #wakeReader: (() => void) | null = null;
  #wakeWriter: (() => void) | null = null;
  #closed = false;
  #taken = false;
  /** Bytes at the end that are not given out yet. */
  held = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a chunk; resolves when there is room for more. */
  async put(chunk: Buffer): Promise<void> {
    if (this.#closed) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#wakeReader?.();
    while (this.#length - this.held > windowLimit && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Everything was put, and is right. */
  complete(): void {
    this.held = 0;
    this.#ended ??= 'complete';
    this.#wakeReader?.();
  }

  fail(error: Error): void {
    this.#ended ??= error;
    this.#wakeReader?.();
  }

  /** Drops what waits, so that other bytes can come in its place. @returns false when some of it was taken already. */
  restart(): boolean {
    if (this.#taken || this.#closed) return false;
    this.#chunks.length = 0;
    this.#length = 0;
    this.held = 0;
    return true;
  }

  /** The reader is gone: what it still waits for fails, and what is still put is dropped. */
  close(): void {
    this.#closed = true;
    this.#chunks.length = 0;
    this.#length = 0;
    this.held = 0;
    this.#wakeWriter?.();
    this.fail(new WaystationError('cancelled', 'the client left'));
  }

  /** Resolves when `take` would give something, or 0 at the end. @throws the failure. */
  async ready(): Promise<void> {
    while (this.#length <= this.held && this.#ended !== 'complete') {
      if (this.#ended !== null) throw this.#ended;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Moves up to `most` bytes to the start of `buffer`; 0 at the end. */
  async take(buffer: Buffer, most: number): Promise<number> {
    await this.ready();
    const wanted = Math.min(most, this.#length - this.held);
    let count = 0;
    while (count < wanted) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) break;
      const taken = chunk.copy(buffer, count, 0, Math.min(chunk.length, wanted - count));
      count += taken;
      if (taken === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(taken);
    }
    this.#length -= count;
    if (count > 0) this.#taken = true;
    this.#wakeWriter?.();
    return count;
  }
}
