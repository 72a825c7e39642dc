import { renameEach } from '../../disk/rename-each.ts';
import type { Renaming } from '../../disk/rename-each.ts';
import type { Disk, FileSystemSpace, ReadableFile, WritableFile } from '../../disk/disk.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import { putInSteps } from '../../disk/put-part.ts';
import type { Put } from '../../disk/put-part.ts';

/** One call on the disk, as it was made. */
export interface DiskCall {
  readonly call: string;
  readonly path: string;
  /** The second path of a rename or link; the position of a write. */
  readonly to?: string | number;
}

/** The real disk: writes down every call that changes it, and fails those that it is told to fail. */
export class FaultyDisk implements Disk {
  readonly calls: DiskCall[] = [];
  readonly #fails: (call: DiskCall, count: number) => string | null;
  #space: FileSystemSpace | null = null;

  /** @param fails the system error code with which a call fails; null: it goes through. `count` is 1 for the first. */
  constructor(fails: (call: DiskCall, count: number) => string | null = () => null) {
    this.#fails = fails;
  }

  /** Fails the nth call that changes something, and none else. */
  static failingNth(n: number, code = 'EIO'): FaultyDisk {
    return new FaultyDisk((_, count) => (count === n ? code : null));
  }

  /** Lets the file system seem to have so many bytes. */
  setSpace(space: { free: number; total: number; freeFiles?: number } | null): void {
    this.#space = space === null ? null : { freeFiles: Infinity, ...space };
  }

  readonly openRead = (path: string): Promise<ReadableFile | null> => systemDisk.openRead(path);
  readonly readFile = (path: string): Promise<Buffer | null> => systemDisk.readFile(path);
  readonly list = (path: string): Promise<readonly string[]> => systemDisk.list(path);
  readonly facts = (path: string): Promise<FileFacts | null> => systemDisk.facts(path);
  readonly isFile = (path: string): Promise<boolean> => systemDisk.isFile(path);

  async openPart(path: string): Promise<WritableFile> {
    this.#made({ call: 'openPart', path });
    return this.#opened(path, await systemDisk.openPart(path));
  }

  async makePart(path: string): Promise<WritableFile | null> {
    this.#made({ call: 'openPart', path });
    const file = await systemDisk.makePart(path);
    return file === null ? null : this.#opened(path, file);
  }

  putPart(path: string, bytes: Buffer): Promise<Put> {
    return putInSteps(() => this.makePart(path), bytes);
  }

  #opened(path: string, file: WritableFile): WritableFile {
    return {
      fd: file.fd,
      write: async (chunks, position) => {
        this.#made({ call: 'write', path, to: position });
        await file.write(chunks, position);
      },
      read: (buffer, position, length) => file.read(buffer, position, length),
      sync: async () => {
        this.#made({ call: 'sync', path });
        await file.sync();
      },
      stamp: async () => {
        this.#made({ call: 'stamp', path });
        await file.stamp();
      },
      close: () => file.close(),
    };
  }

  renameAll(names: readonly Renaming[]): Promise<readonly (Error | null)[]> {
    return renameEach(names, (from, to) => this.rename(from, to));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#made({ call: 'rename', path: from, to });
    await systemDisk.rename(from, to);
  }

  async link(from: string, to: string): Promise<void> {
    this.#made({ call: 'link', path: from, to });
    await systemDisk.link(from, to);
  }

  async clone(from: string, to: string): Promise<boolean> {
    this.#made({ call: 'clone', path: from, to });
    return systemDisk.clone(from, to);
  }

  async unlink(path: string): Promise<void> {
    this.#made({ call: 'unlink', path });
    await systemDisk.unlink(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#made({ call: 'makeFolder', path });
    await systemDisk.makeFolder(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#made({ call: 'syncFolder', path });
    await systemDisk.syncFolder(path);
  }

  async syncFile(path: string): Promise<void> {
    this.#made({ call: 'sync', path });
    await systemDisk.syncFile(path);
  }

  async syncAll(path: string): Promise<boolean> {
    this.#made({ call: 'syncAll', path });
    return systemDisk.syncAll(path);
  }

  async stamp(path: string): Promise<void> {
    this.#made({ call: 'stamp', path });
    await systemDisk.stamp(path);
  }

  async space(path: string): Promise<FileSystemSpace> {
    return this.#space ?? systemDisk.space(path);
  }

  #made(call: DiskCall): void {
    this.calls.push(call);
    const code = this.#fails(call, this.calls.length);
    if (code !== null) throw Object.assign(new Error(`${code}: ${call.call} ${call.path}`), { code });
  }
}
