import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { WaystationError } from '../../base/errors.ts';
import { pathText, unreadable } from './import-tree.ts';

/** A file of an imported tree, open: whatever its name leads to by now, it is read from here. */
export interface SourceFile extends AsyncDisposable {
  readonly path: Buffer;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** The file system that it lies on … */
  readonly device: number;
  /** … and its number there. */
  readonly inode: number;
  /** A name by which the kernel opens this very file. */
  readonly byDescriptor: string;
  /** Its name, when it can be written as text: else no call takes it that takes text. */
  readonly name: string | null;
  /**
   * Its bytes from the first on, `size` of them, each piece in the same memory.
   * @throws WaystationError `import_unreadable`, also when it became shorter; the signal's reason.
   */
  chunks(memory: Buffer, signal: AbortSignal): AsyncGenerator<Buffer>;
}

/** Opens a regular file, and waits for nothing (a pipe). @throws WaystationError `import_unreadable` */
export const openSource = (path: Buffer): Promise<SourceFile> => FolderFile.open(path);

/** A file of a folder on this machine. */
class FolderFile implements SourceFile {
  readonly path: Buffer;
  readonly size: number;
  readonly device: number;
  readonly inode: number;
  readonly #file: FileHandle;

  private constructor(path: Buffer, file: FileHandle, facts: { size: number; dev: number; ino: number }) {
    this.path = path;
    this.#file = file;
    this.size = facts.size;
    this.device = facts.dev;
    this.inode = facts.ino;
  }

  static async open(path: Buffer): Promise<FolderFile> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    let file: FileHandle | null = null;
    try {
      file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const facts = await file.stat();
      if (!facts.isFile()) throw changed(path);
      return new FolderFile(path, file, facts);
    } catch (error) {
      await file?.close();
      throw unreadable(path, error);
    }
  }

  get byDescriptor(): string {
    return `/proc/self/fd/${this.#file.fd}`;
  }

  get name(): string | null {
    const text = this.path.toString('utf8');
    return Buffer.from(text).equals(this.path) ? text : null;
  }

  async *chunks(memory: Buffer, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let position = 0; position < this.size;) {
      signal.throwIfAborted();
      const length = Math.min(memory.length, this.size - position);
      const { bytesRead } = await this.#file.read(memory, 0, length, position).catch((error: unknown) => {
        throw unreadable(this.path, error);
      });
      if (bytesRead === 0) throw changed(this.path);
      yield memory.subarray(0, bytesRead);
      position += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** It is being written to: the next import meets what it has become. */
export function changed(path: Buffer): WaystationError {
  return new WaystationError('import_unreadable', `${pathText(path)} changed while it was read`);
}
