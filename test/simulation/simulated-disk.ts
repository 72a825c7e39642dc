import { renameEach } from '../../disk/rename-each.ts';
import type { Renaming } from '../../disk/rename-each.ts';
import type { Disk, FileSystemSpace, ReadableFile, WritableFile } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import { putInSteps } from '../../disk/put-part.ts';
import type { Put } from '../../disk/put-part.ts';
import type { Seeded } from './seeded.ts';
import type { Timeline } from './timeline.ts';

/** What is wrong with a disk. */
export interface DiskTroubles {
  /** Bytes of the file system. */
  readonly capacity: number;
  /** Share of the calls that change something and fail. */
  readonly failingWrites: number;
  /** Share of the reads of an open file that fail. */
  readonly failingReads: number;
  /** Simulated milliseconds of the times in which calls fail; outside of them the disk is well. */
  readonly sick: readonly (readonly [from: number, to: number])[];
}

interface Inode {
  readonly number: number;
  bytes: Buffer;
  size: number;
  names: number;
  modified: number;
  handles: number;
}

/** A disk in memory: every call takes simulated time, and may fail. A failed write may have put down a part. */
export class SimulatedDisk implements Disk {
  readonly #files = new Map<string, Inode>();
  readonly #timeline: Timeline;
  readonly #random: Seeded;
  readonly #troubles: DiskTroubles;
  #handles = 0;
  #inodes = 0;
  #used = 0;
  /** Parts that became held files. */
  renamed = 0;
  /** Calls that were failed. */
  failures = 0;

  constructor(timeline: Timeline, random: Seeded, troubles: DiskTroubles) {
    this.#timeline = timeline;
    this.#random = random;
    this.#troubles = troubles;
  }

  /** Open handles. */
  get handles(): number {
    return this.#handles;
  }

  /** What lies below a folder as things stand, without taking time; a file with two names comes once. */
  *below(folder: string): Generator<{ readonly path: string; readonly bytes: Buffer }> {
    const seen = new Set<Inode>();
    for (const [path, inode] of this.#files) {
      if (!path.startsWith(`${folder}/`) || seen.has(inode)) continue;
      seen.add(inode);
      yield { path, bytes: inode.bytes.subarray(0, inode.size) };
    }
  }

  /** The bytes of a file as things stand. */
  peek(path: string): Buffer | null {
    const inode = this.#files.get(path);
    return inode === undefined ? null : inode.bytes.subarray(0, inode.size);
  }

  async openPart(path: string): Promise<WritableFile> {
    await this.#change('openPart', path);
    const inode = this.#files.get(path) ?? {
      number: (this.#inodes += 1),
      bytes: Buffer.alloc(0),
      size: 0,
      names: 1,
      modified: 0,
      handles: 0,
    };
    this.#files.set(path, inode);
    const file = this.#opened(inode, path);
    return {
      ...file,
      write: async (chunks, position) => {
        const whole = Buffer.concat(chunks);
        try {
          await this.#change('write', path);
        } catch (error) {
          this.#put(inode, whole.subarray(0, this.#random.whole(0, whole.length)), position);
          throw error;
        }
        if (this.#put(inode, whole, position) < whole.length) throw failure('ENOSPC', 'write', path);
      },
      sync: () => this.#change('sync', path),
      stamp: async () => {
        await this.#change('stamp', path);
        inode.modified = proven;
      },
    };
  }

  async makePart(path: string): Promise<WritableFile | null> {
    if (!this.#files.has(path)) return this.openPart(path);
    await this.#turn();
    return null;
  }

  putPart(path: string, bytes: Buffer): Promise<Put> {
    return putInSteps(() => this.makePart(path), bytes);
  }

  async openRead(path: string): Promise<ReadableFile | null> {
    await this.#read('openRead', path);
    const inode = this.#files.get(path);
    return inode === undefined ? null : { ...this.#opened(inode, path), ...factsOf(inode) };
  }

  async readFile(path: string): Promise<Buffer | null> {
    await this.#turn();
    const bytes = this.peek(path);
    return bytes === null ? null : Buffer.from(bytes);
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#turn();
    const names = [...this.#files.keys()].filter((each) => each.startsWith(`${path}/`));
    return [...new Set(names.map((each) => each.slice(path.length + 1).split('/')[0] ?? ''))];
  }

  async facts(path: string): Promise<FileFacts | null> {
    await this.#turn();
    const inode = this.#files.get(path);
    return inode === undefined ? null : factsOf(inode);
  }

  async isFile(path: string): Promise<boolean> {
    await this.#turn();
    return this.#files.has(path);
  }

  renameAll(names: readonly Renaming[]): Promise<readonly (Error | null)[]> {
    return renameEach(names, (from, to) => this.rename(from, to));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#change('rename', from);
    const inode = this.#files.get(from);
    if (inode === undefined) throw failure('ENOENT', 'rename', from);
    this.#remove(to);
    this.#files.delete(from);
    this.#files.set(to, inode);
    // Equal files that become one have theirs by a link.
    if (to.includes('/blobs/') && !from.includes('/parts/link-')) this.renamed += 1;
  }

  async link(from: string, to: string): Promise<void> {
    await this.#change('link', from);
    const inode = this.#files.get(from);
    if (inode === undefined) throw failure('ENOENT', 'link', from);
    if (this.#files.has(to)) throw failure('EEXIST', 'link', to);
    inode.names += 1;
    this.#files.set(to, inode);
  }

  async clone(): Promise<boolean> {
    return false;
  }

  async unlink(path: string): Promise<void> {
    await this.#change('unlink', path);
    this.#remove(path);
  }

  makeFolder(path: string): Promise<void> {
    return this.#change('makeFolder', path);
  }

  syncFolder(path: string): Promise<void> {
    return this.#change('syncFolder', path);
  }

  syncFile(path: string): Promise<void> {
    return this.#change('sync', path);
  }

  async syncAll(path: string): Promise<boolean> {
    await this.#change('syncAll', path);
    return true;
  }

  async stamp(path: string): Promise<void> {
    await this.#change('stamp', path);
    const inode = this.#files.get(path);
    if (inode === undefined) throw failure('ENOENT', 'stamp', path);
    inode.modified = proven;
  }

  async space(): Promise<FileSystemSpace> {
    await this.#turn();
    return {
      free: this.#troubles.capacity - this.#used,
      total: this.#troubles.capacity,
      freeFiles: Infinity,
    };
  }

  #opened(inode: Inode, path: string): Omit<ReadableFile, keyof FileFacts> {
    inode.handles += 1;
    this.#handles += 1;
    return {
      fd: 0,
      read: async (buffer, position, length) => {
        await this.#read('read', path);
        return inode.bytes.copy(buffer, 0, position, Math.min(position + length, inode.size));
      },
      close: async () => {
        await this.#turn();
        inode.handles -= 1;
        this.#handles -= 1;
        this.#forget(inode);
      },
    };
  }

  /** @returns how many bytes there was room for. */
  #put(inode: Inode, bytes: Buffer, position: number): number {
    const room = this.#troubles.capacity - this.#used + Math.max(0, inode.size - position);
    const count = Math.max(0, Math.min(bytes.length, room));
    const end = position + count;
    if (end > inode.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, inode.bytes.length * 2));
      inode.bytes.copy(larger, 0, 0, inode.size);
      inode.bytes = larger;
    }
    bytes.copy(inode.bytes, position, 0, count);
    this.#used += Math.max(0, end - inode.size);
    inode.modified = this.#timeline.now();
    inode.size = Math.max(inode.size, end);
    return count;
  }

  #remove(path: string): void {
    const inode = this.#files.get(path);
    if (inode === undefined) return;
    this.#files.delete(path);
    inode.names -= 1;
    this.#forget(inode);
  }

  /** The room of a file without names is free once nobody has it open. */
  #forget(inode: Inode): void {
    if (inode.names === 0 && inode.handles === 0) this.#used -= inode.size;
  }

  /** Mostly quick, at times busy. */
  #turn(): Promise<void> {
    return this.#timeline.sleep(this.#random.chance(0.02) ? this.#random.whole(20, 400) : this.#random.next() * 2);
  }

  async #change(call: string, path: string): Promise<void> {
    await this.#turn();
    if (this.#fails(this.#troubles.failingWrites)) {
      throw failure(this.#random.one(['EIO', 'EIO', 'ENOSPC', 'EROFS']), call, path);
    }
  }

  async #read(call: string, path: string): Promise<void> {
    await this.#turn();
    if (this.#fails(this.#troubles.failingReads)) throw failure('EIO', call, path);
  }

  #fails(share: number): boolean {
    const now = this.#timeline.monotonic();
    if (!this.#troubles.sick.some(([from, to]) => now >= from && now < to)) return false;
    const fails = this.#random.chance(share);
    if (fails) this.failures += 1;
    return fails;
  }
}

function factsOf({ number, size, modified, names }: Inode): FileFacts {
  return { size, modified, changed: 0, links: names, inode: number, folder: false };
}

function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} ${path}`), { code });
}
