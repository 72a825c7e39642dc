import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode, WaystationError } from '../base/errors.ts';
import type { PlainProgram } from '../base/plain-get.ts';
import { factsOf, proven } from './file-facts.ts';
import type { FileFacts } from './file-facts.ts';
import { FileThread, mostPut } from './file-thread.ts';
import { OpenFile } from './open-file.ts';
import { putInSteps } from './put-part.ts';
import type { Put } from './put-part.ts';
import type { Fetch } from './thread-gets.ts';
import { renameEach } from './rename-each.ts';
import type { Renaming } from './rename-each.ts';
import { syncAll } from './sync-all.ts';

/** A file being written. Positions are explicit: two writes never race for a file offset. */
export interface WritableFile {
  readonly fd: number;
  write(chunks: readonly Buffer[], position: number): Promise<void>;
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  sync(): Promise<void>;
  /** Gives it the time of last modification that says "proven, and not touched since" (`proven`). */
  stamp(): Promise<void>;
  close(): Promise<void>;
}

/** A file opened for reading only. */
export interface ReadableFile extends FileFacts {
  readonly fd: number;
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * The calls by which the store changes the disk, as a port: what a test can fail one by one, or record to derive the
 * states that a power cut may leave.
 */
export interface Disk {
  /** Opens for writing and reading; made when absent, kept as it is when present. */
  openPart(path: string): Promise<WritableFile>;
  /** The same for a file that is not there yet; null, and nothing is touched, when one is. */
  makePart(path: string): Promise<WritableFile | null>;
  /** Puts proven bytes into a file that is not there yet, stamped. The bytes are free again when it resolves; never rejects. */
  putPart(path: string, bytes: Buffer): Promise<Put>;
  /**
   * Has a small file fetched, proven and put, without a step of this thread for its bytes: where that can be, and is worth
   * it. @returns false, and nothing is done, where not.
   */
  fetchPart?(fetch: Fetch): boolean;
  /** Gives up what is being fetched: it ends soon. */
  cutFetches?(): void;
  /** null when there is no such file. */
  openRead(path: string): Promise<ReadableFile | null>;
  readFile(path: string): Promise<Buffer | null>;
  list(path: string): Promise<readonly string[]>;
  /** null when there is no such file. */
  facts(path: string): Promise<FileFacts | null>;
  /** Whether the name is a regular file's own, and no symbolic link. @throws when there is none. */
  isFile(path: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /**
   * `rename` for some at a time, where that costs less. @returns for each, in their order, its error; null: it is done.
   */
  renameAll(names: readonly Renaming[]): Promise<readonly (Error | null)[]>;
  link(from: string, to: string): Promise<void>;
  /** Makes `to` a file of its own that shares the blocks of `from`; false, and nothing is made, where that cannot be. */
  clone(from: string, to: string): Promise<boolean>;
  unlink(path: string): Promise<void>;
  /** Makes a folder with all above it; their names are durable when it resolves. */
  makeFolder(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  /** `sync` for a file that is not open. @throws when there is none. */
  syncFile(path: string): Promise<void>;
  /** Makes all that was written to the file system of a folder durable; false: it cannot, sync one by one. */
  syncAll(path: string): Promise<boolean>;
  /** `stamp` for a file that is not open. */
  stamp(path: string): Promise<void>;
  space(path: string): Promise<FileSystemSpace>;
}

/** Room of a file system. */
export interface FileSystemSpace {
  /** Bytes that this process may still write. */
  readonly free: number;
  readonly total: number;
  /** Files that may still be made; infinite where the file system has no such limit. */
  readonly freeFiles: number;
}

/** A failed disk call as an error that says what an operator has to look at. */
export function diskError(thrown: unknown, path: string): WaystationError {
  if (thrown instanceof WaystationError) return thrown;
  const code = systemCode(thrown);
  const kind =
    code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
      ? 'disk_full'
      : code === 'EROFS' || code === 'EACCES' || code === 'EPERM'
        ? 'disk_read_only'
        : 'disk_failing';
  return new WaystationError(kind, `${path}: ${code ?? String(thrown)}`, { cause: thrown });
}

async function absent<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What a file system says that shares no blocks, or not between these two files. */
const noClones = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EXDEV', 'EINVAL', 'ETXTBSY'];

async function makePart(path: string): Promise<WritableFile | null> {
  try {
    return await OpenFile.open(path, 'make anew');
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return null;
    throw error;
  }
}

/** Files that are put by way of the pool at a time: from so many on a thread of their own is worth its memory. */
const manyPuts = 4;

/** Puts files by a thread while there are many. */
class Putting {
  readonly #thread: FileThread;
  #byPool = 0;

  constructor(thread: FileThread) {
    this.#thread = thread;
  }

  put(path: string, bytes: Buffer): Promise<Put> {
    const byThread = this.#thread.ready && bytes.length <= mostPut;
    return byThread ? this.#thread.put(path, bytes) : this.#putByPool(path, bytes);
  }

  async #putByPool(path: string, bytes: Buffer): Promise<Put> {
    this.#byPool += 1;
    if (this.#byPool >= manyPuts) this.#thread.begin();
    try {
      return await putInSteps(() => makePart(path), bytes);
    } finally {
      this.#byPool -= 1;
    }
  }
}

/** What needs no thread. */
const plainCalls = {
  openPart: (path) => OpenFile.open(path, 'make'),
  makePart,
  openRead: (path) =>
    absent(async () => {
      const file = await OpenFile.open(path, 'read');
      try {
        return {
          fd: file.fd,
          ...(await file.facts()),
          read: (buffer, position, length) => file.read(buffer, position, length),
          close: () => file.close(),
        };
      } catch (error) {
        await file.close();
        throw error;
      }
    }),
  readFile: (path) => absent(() => fs.readFile(path)),
  list: async (path) => (await absent(() => fs.readdir(path))) ?? [],
  facts: (path) => absent(async () => factsOf(await fs.stat(path))),
  isFile: async (path) => (await fs.lstat(path)).isFile(),
  link: (from, to) => fs.link(from, to),
  clone: async (from, to) => {
    try {
      await fs.copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch (error) {
      if (noClones.includes(systemCode(error) ?? '')) return false;
      throw error;
    }
    // It comes with the mode of its source.
    await fs.chmod(to, 0o640);
    return true;
  },
  unlink: async (path) => {
    await absent(() => fs.unlink(path));
  },
  makeFolder: async (path) => {
    const first = await fs.mkdir(path, { recursive: true, mode: 0o750 });
    if (first === undefined) return;
    // Without this a power cut may take a folder away with all that was synced in it.
    for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
  },
  syncFolder,
  syncFile: async (path) => {
    const file = await OpenFile.open(path, 'read');
    try {
      // An error of writing is told to the first who syncs after it, whoever wrote.
      await file.sync();
    } finally {
      await file.close();
    }
  },
  syncAll,
  stamp: (path) => fs.utimes(path, proven / 1000, proven / 1000),
  async space(path) {
    const { bavail, bsize, blocks, files, ffree } = await fs.statfs(path);
    return { free: bavail * bsize, total: blocks * bsize, freeFiles: files === 0 ? Infinity : ffree };
  },
} satisfies Partial<Disk>;

/** The machine's file system. @param getting what sends GETs, for one that can fetch. */
export function machineDisk(getting: PlainProgram | null = null): Disk {
  const thread = new FileThread({ getting });
  const putting = new Putting(thread);
  return {
    ...plainCalls,
    putPart: (path, bytes) => putting.put(path, bytes),
    rename: (from, to) => (thread.ready ? thread.rename(from, to) : fs.rename(from, to)),
    renameAll: (names) =>
      thread.ready ? thread.renameAll(names) : renameEach(names, (from, to) => fs.rename(from, to)),
    fetchPart: (fetch) => thread.fetch(fetch),
    cutFetches: () => thread.cutFetches(),
  };
}

/** The machine's file system, for who fetches nothing. */
export const systemDisk: Disk = machineDisk();

/** How the name of a file ends that is to replace another, and is not whole yet. */
export const unfinishedSuffix = '.new';

/** Replaces a small file as a whole: readers see the old or the new one, also after a power cut. */
export async function replaceFile(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}${unfinishedSuffix}`;
  await disk.unlink(temporary);
  try {
    const file = await disk.openPart(temporary);
    try {
      await file.write([bytes], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.unlink(temporary).catch(() => {});
    throw error;
  }
  await disk.syncFolder(dirname(path));
}
