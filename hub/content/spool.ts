import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';

/** Bytes at the end of a file that nobody gets before its digest is right: at least one, so that no wrong file is whole. */
const tail = 64 * 1024;
const readSize = 256 * 1024;

/** Where the bytes are. */
interface Backing {
  write(chunks: readonly Buffer[], position: number): Promise<void>;
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * A file on its way from an origin, read while it grows by any number of readers: in memory, or on the local disk without
 * a name. Nothing of it outlives the process.
 */
export class Spool {
  readonly #file: Backing;
  readonly #size: number;
  #written = 0;
  #ending: 'proven' | WaystationError | null = null;
  #change = Promise.withResolvers<void>();
  /** Who still needs it: the transfer, what stores it, and readers. */
  #users = 1;

  private constructor(file: Backing, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** @param size of the whole, bytes. @param over called when the memory is free again. */
  static inMemory(size: number, over: () => void): Spool {
    const bytes = Buffer.allocUnsafe(size);
    const backing: Backing = {
      write: async (chunks, position) => {
        let at = position;
        for (const chunk of chunks) at += chunk.copy(bytes, at);
      },
      read: async (buffer, position, length) => bytes.copy(buffer, 0, position, position + length),
      close: async () => over(),
    };
    return new Spool(backing, size);
  }

  /** @param folder of this process, absolute; made when absent. @param size of the whole, bytes. */
  static async onDisk(disk: Disk, folder: string, size: number): Promise<Spool> {
    const path = join(folder, randomBytes(12).toString('hex'));
    try {
      await disk.makeFolder(folder);
      const file = await disk.openPart(path);
      await disk.unlink(path);
      return new Spool(file, size);
    } catch (error) {
      throw diskError(error, path);
    }
  }

  async append(chunk: Buffer): Promise<void> {
    try {
      await this.#file.write([chunk], this.#written);
    } catch (error) {
      throw diskError(error, 'the folder of files on their way');
    }
    this.#written += chunk.length;
    this.#changed();
  }

  /** All of it is there and right, or none of it will be: what was not given yet is not given any more. */
  end(how: 'proven' | WaystationError): void {
    this.#ending = how;
    this.#changed();
  }

  /** Resolves when there is something to read. @throws WaystationError when there will not be. */
  async begun(signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<void>();
    const leave = (): void => left.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    try {
      while (this.#readable() === 0 && this.#ending !== 'proven') {
        signal.throwIfAborted();
        if (this.#ending !== null) throw this.#ending;
        await Promise.race([this.#change.promise, left.promise]);
      }
    } finally {
      signal.removeEventListener('abort', leave);
      left.promise.catch(() => {});
    }
  }

  /** As `ByteSource.read`. */
  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    for (;;) {
      if (this.#ending !== null && this.#ending !== 'proven') throw this.#ending;
      const there = Math.min(length, this.#readable() - position);
      if (there > 0 || this.#ending === 'proven') return there > 0 ? this.#file.read(buffer, position, there) : 0;
      await this.#change.promise;
    }
  }

  /** The whole, once it is proven. */
  async *chunks(): AsyncGenerator<Buffer> {
    for (let position = 0; position < this.#size;) {
      const buffer = Buffer.allocUnsafe(Math.min(readSize, this.#size - position));
      const count = await this.read(buffer, position, buffer.length);
      if (count === 0) throw new WaystationError('disk_failing', 'a file on its way is shorter than it was written');
      yield buffer.subarray(0, count);
      position += count;
    }
  }

  /** @returns what lets it go again, called once; null: everybody has let it go, and the bytes are gone. */
  use(): (() => void) | null {
    if (this.#users === 0) return null;
    this.#users += 1;
    return () => this.release();
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) void this.#file.close().catch(() => {});
  }

  #readable(): number {
    return this.#ending === 'proven' ? this.#size : Math.min(this.#written, Math.max(0, this.#size - tail));
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
