import { WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk, ReadableFile, WritableFile } from '../../disk/disk.ts';

/** Bytes of a fill while they arrive. Written at the end only; read by any number of followers behind that. */
export interface Part {
  /** Bytes that can be read. */
  readonly written: number;
  /** Takes a chunk; a returned promise asks the caller to wait before giving more. Rejects when the disk refuses. */
  append(chunk: Buffer): void | Promise<void>;
  /** Resolves once everything taken can be read. */
  flush(): void | Promise<void>;
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  /** One more reader; each calls `release` once. */
  retain(): void;
  release(): void;
}

/** Where bytes went. */
export interface Moved {
  /** @returns null when they are gone. */
  reopen(): Promise<ReadableFile | null>;
}

const nothing = Buffer.alloc(0);
const nobodyWaits = (): void => {};

/**
 * A small file, whole in memory: verified before its first byte leaves, written to disk afterwards. Memory that is given
 * back soon is cheap to collect, so what nobody reads by then is read from there, should somebody come.
 */
export class MemoryPart implements Part {
  readonly #size: number;
  /** What comes in pieces of one buffer stays where it is: most do, and memory that is not copied is not collected. */
  #bytes: Buffer = nothing;
  /** Where chunks are put together that do not lie together. */
  #room: Buffer | null = null;
  readonly #onWritten: () => void;
  #moved: Moved | null = null;
  #file: Promise<ReadableFile | null> | null = null;
  #users = 1;
  written = 0;

  constructor(size: number, onWritten: () => void) {
    this.#size = size;
    this.#onWritten = onWritten;
  }

  /** One whose bytes are all there. @param where in memory, or elsewhere. */
  static whole(size: number, where: Buffer | Moved): MemoryPart {
    const part = new MemoryPart(size, nobodyWaits);
    if (Buffer.isBuffer(where)) part.append(where);
    else {
      part.written = size;
      part.moved(where);
    }
    return part;
  }

  append(chunk: Buffer): void {
    if (this.written === 0) this.#bytes = chunk;
    else this.#bytes = piecesOfOne(this.#bytes, chunk) ?? this.#gathered(chunk);
    this.written += chunk.length;
    this.#onWritten();
  }

  flush(): void {}

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    if (this.#moved !== null) return this.#readMoved(this.#moved, buffer, position, length);
    return this.#bytes.copy(buffer, 0, position, Math.min(position + length, this.written));
  }

  /** The bytes so far, unless they were moved. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The bytes are in a file, and not in memory any more. */
  get isElsewhere(): boolean {
    return this.#moved !== null;
  }

  /** All of it is in a file now: the memory is given back, unless somebody reads it. */
  moved(to: Moved): void {
    if (this.#users !== 1) return;
    this.#moved = to;
    this.#bytes = nothing;
    this.#room = null;
  }

  retain(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#file?.then((file) => file?.close()).catch(() => {});
  }

  #gathered(chunk: Buffer): Buffer {
    if (this.#room === null) {
      this.#room = Buffer.allocUnsafeSlow(this.#size);
      this.#bytes.copy(this.#room);
    }
    chunk.copy(this.#room, this.written);
    return this.#room.subarray(0, this.written + chunk.length);
  }

  async #readMoved(to: Moved, buffer: Buffer, position: number, length: number): Promise<number> {
    try {
      this.#file ??= to.reopen();
      const file = await this.#file;
      const wanted = Math.min(length, this.written - position);
      const count = file === null ? 0 : await file.read(buffer, position, wanted);
      // Removed, or shortened, by other hands.
      if (count === 0 && wanted > 0) throw new WaystationError('disk_failing', 'a file that was just written is gone');
      return count;
    } catch (error) {
      throw diskError(error, 'a file that was just written');
    }
  }
}

/** Both as one, when the second lies right behind the first; null: it does not. */
function piecesOfOne(first: Buffer, second: Buffer): Buffer | null {
  const isBehind = first.buffer === second.buffer && first.byteOffset + first.length === second.byteOffset;
  return isBehind ? Buffer.from(first.buffer, first.byteOffset, first.length + second.length) : null;
}

/** Chunks that wait for the disk before the origin is asked to wait. */
const queueLimit = 512 * 1024;

/**
 * A part on disk. While one write is under way the next chunks gather, and leave in one vectored write: few calls, no
 * copies. Readers follow `written`; the file stays readable for them after it was renamed or removed.
 */
export class FilePart implements Part {
  readonly path: string;
  readonly #file: WritableFile;
  readonly #onWritten: () => void;
  #queue: Buffer[] = [];
  #queued = 0;
  #writing: Promise<void> | null = null;
  #failure: Error | null = null;
  #users = 1;
  written: number;

  private constructor(path: string, file: WritableFile, written: number, onWritten: () => void) {
    this.path = path;
    this.#file = file;
    this.written = written;
    this.#onWritten = onWritten;
  }

  /** Opens a part that holds `written` bytes already (0: a new one). `onWritten` is called whenever more can be read. */
  static async open(disk: Disk, path: string, written: number, onWritten: () => void): Promise<FilePart> {
    try {
      if (written === 0) {
        const made = await disk.makePart(path);
        if (made !== null) return new FilePart(path, made, 0, onWritten);
        await disk.unlink(path);
      }
      return new FilePart(path, await disk.openPart(path), written, onWritten);
    } catch (error) {
      throw diskError(error, path);
    }
  }

  append(chunk: Buffer): void | Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#writing === null) {
      this.#writing = this.#writeQueue();
      // The failure is kept: the next `append` or `flush` reports it.
      this.#writing.catch(() => {});
    }
    return this.#queued > queueLimit ? this.#writing : undefined;
  }

  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    try {
      return await this.#file.read(buffer, position, Math.min(length, this.written - position));
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  /** The bytes are proven: marks the file as such. */
  async stamp(): Promise<void> {
    try {
      await this.#file.stamp();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  retain(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) void this.#file.close().catch(() => {});
  }

  async #writeQueue(): Promise<void> {
    // Lets the chunks that arrive in this turn gather, and keeps `append` free of synchronous effects.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const chunks = this.#queue;
        const bytes = this.#queued;
        this.#queue = [];
        this.#queued = 0;
        await this.#file.write(chunks, this.written);
        this.written += bytes;
        this.#onWritten();
      }
    } catch (error) {
      this.#failure = diskError(error, this.path);
      throw this.#failure;
    } finally {
      this.#writing = null;
    }
  }
}
