import { renameEach } from '../../disk/rename-each.ts';
import type { Renaming } from '../../disk/rename-each.ts';
import { dirname } from 'node:path';
import type { Disk, FileSystemSpace, ReadableFile, WritableFile } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import { putInSteps } from '../../disk/put-part.ts';
import type { Put } from '../../disk/put-part.ts';
import type { PlainFailure } from '../../base/plain-get.ts';
import type { Fetch } from '../../disk/thread-gets.ts';
import type { Seeded } from '../simulation/seeded.ts';
import type { DiskCall } from './faulty-disk.ts';
import { failure } from './recorded-files.ts';
import type { RecordedFile, RecordedFiles } from './recorded-files.ts';

export interface RecordingDiskOptions {
  /** Decides how calls overtake each other. */
  readonly random: Seeded;
  /** The system error code with which a call fails; null: it goes through. `count` is 1 for the first. */
  readonly fails?: (call: DiskCall, count: number) => string | null;
  /** The process is killed when it makes this call that changes something: from then on no call returns. */
  readonly killedAt?: number;
  /** What it can fetch, by sha256; null: nothing. */
  readonly upstream?: (sha256: string) => Buffer | null;
}

/** The disk as one process sees it: calls on `RecordedFiles` that take their time, may fail, and end with the process. */
export class RecordingDisk implements Disk {
  readonly #files: RecordedFiles;
  readonly #random: Seeded;
  readonly #fails: (call: DiskCall, count: number) => string | null;
  readonly #killedAt: number;
  readonly #upstream: (sha256: string) => Buffer | null;
  readonly #killed = Promise.withResolvers<void>();
  /** Calls so far that change something. */
  changes = 0;
  /** Files that are open. */
  handles = 0;

  constructor(
    files: RecordedFiles,
    { random, fails = () => null, killedAt = Infinity, upstream = () => null }: RecordingDiskOptions,
  ) {
    this.#files = files;
    this.#upstream = upstream;
    this.#random = random;
    this.#fails = fails;
    this.#killedAt = killedAt;
  }

  /** Resolves when the process is killed. */
  get killed(): Promise<void> {
    return this.#killed.promise;
  }

  /** Whether the process was killed: nothing that it does beside disk calls shall go on either. */
  get dead(): boolean {
    return this.changes >= this.#killedAt;
  }

  async openPart(path: string): Promise<WritableFile> {
    const file = await this.#change({ call: 'openPart', path }, () => this.#files.make(path));
    return {
      ...this.#opened(file),
      write: async (chunks, position) => {
        const bytes = Buffer.concat(chunks);
        await this.#change(
          { call: 'write', path, to: position },
          () => this.#files.write(file, bytes, position),
          // A write that fails may have put down a part.
          () => this.#files.write(file, bytes.subarray(0, this.#random.whole(0, bytes.length)), position),
        );
      },
      sync: () => {
        const asked = this.#files.journal.length;
        return this.#change(
          { call: 'sync', path },
          () => this.#files.sync(file, asked),
          () => this.#files.failSync(file),
        );
      },
      stamp: () => this.#change({ call: 'stamp', path }, () => this.#files.stamp(file)),
    };
  }

  async makePart(path: string): Promise<WritableFile | null> {
    if (this.#files.find(path) === null) return this.openPart(path);
    await this.#turn();
    return null;
  }

  putPart(path: string, bytes: Buffer): Promise<Put> {
    return putInSteps(() => this.makePart(path), bytes);
  }

  /** Sometimes it cannot, and sometimes it fails; a thread that is lost has made its file. */
  fetchPart(fetch: Fetch): boolean {
    const bytes = this.#upstream(fetch.sha256);
    if (bytes === null || this.#random.chance(0.3)) return false;
    void this.#fetch(fetch, bytes, this.#random.one([null, null, null, null, 'cut', 'lost']));
    return true;
  }

  async #fetch({ path, fetched }: Fetch, bytes: Buffer, fails: 'cut' | 'lost' | null): Promise<void> {
    await this.#turn();
    const put = fails === 'cut' ? fails : await this.#putOrNothing(path, bytes);
    const end = put === null ? fails : put;
    fetched({ failure: end, date: null, received: bytes.length, proven: end === 'unputtable' ? bytes : null });
  }

  async #putOrNothing(path: string, bytes: Buffer): Promise<PlainFailure | null> {
    const put = await this.putPart(path, bytes);
    if (put.made && put.error === null) return null;
    if (!put.made) return 'unputtable';
    return this.unlink(path).then(
      () => 'unputtable',
      () => 'lost',
    );
  }

  async openRead(path: string): Promise<ReadableFile | null> {
    await this.#turn();
    const file = this.#files.file(path);
    return file === null ? null : { ...this.#opened(file), ...factsOf(file) };
  }

  async readFile(path: string): Promise<Buffer | null> {
    await this.#turn();
    const file = this.#files.file(path);
    return file === null ? null : Buffer.from(file.content);
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#turn();
    const node = this.#files.find(path);
    return node?.kind === 'folder' ? [...node.entries.keys()] : [];
  }

  async facts(path: string): Promise<FileFacts | null> {
    await this.#turn();
    const node = this.#files.find(path);
    if (node === null) return null;
    if (node.kind === 'file') return factsOf(node);
    return { size: 0, modified: 0, changed: 0, links: 1, inode: 0, folder: true };
  }

  async isFile(path: string): Promise<boolean> {
    await this.#turn();
    return this.#files.find(path)?.kind === 'file';
  }

  renameAll(names: readonly Renaming[]): Promise<readonly (Error | null)[]> {
    return renameEach(names, (from, to) => this.rename(from, to));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change({ call: 'rename', path: from, to }, () => this.#files.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return this.#change({ call: 'link', path: from, to }, () => this.#files.link(from, to));
  }

  /** As on most file systems: it cannot. */
  async clone(): Promise<boolean> {
    await this.#turn();
    return false;
  }

  unlink(path: string): Promise<void> {
    return this.#change({ call: 'unlink', path }, () => this.#files.unlink(path));
  }

  /** One step after the other, as `systemDisk` does it: a cut or a failure may come between any two. */
  async makeFolder(path: string): Promise<void> {
    const missing: string[] = [];
    for (let at = path; at !== '/' && this.#files.find(at) === null; at = dirname(at)) missing.unshift(at);
    // One that is there is found before anything can fail.
    if (missing.length === 0) return this.#turn();
    for (const folder of missing)
      await this.#change({ call: 'makeFolder', path: folder }, () => void this.#files.makeFolder(folder));
    for (const folder of missing.toReversed()) await this.syncFolder(dirname(folder));
  }

  syncFolder(path: string): Promise<void> {
    const asked = this.#files.journal.length;
    return this.#change({ call: 'syncFolder', path }, () => this.#files.syncFolder(path, asked));
  }

  syncFile(path: string): Promise<void> {
    const asked = this.#files.journal.length;
    const file = this.#files.file(path);
    return this.#change(
      { call: 'sync', path },
      () => {
        if (file === null) throw failure('ENOENT', path);
        this.#files.sync(file, asked);
      },
      () => file !== null && this.#files.failSync(file),
    );
  }

  /** Cannot always: the caller syncs one by one then. */
  async syncAll(path: string): Promise<boolean> {
    if (this.#random.chance(0.2)) return false;
    const asked = this.#files.journal.length;
    await this.#change({ call: 'syncAll', path }, () => this.#files.syncAll(asked));
    return true;
  }

  stamp(path: string): Promise<void> {
    return this.#change({ call: 'stamp', path }, () => {
      const file = this.#files.file(path);
      if (file === null) throw failure('ENOENT', path);
      this.#files.stamp(file);
    });
  }

  async space(): Promise<FileSystemSpace> {
    await this.#turn();
    return { free: 2 ** 40, total: 2 ** 41, freeFiles: Infinity };
  }

  #opened(file: RecordedFile): Omit<ReadableFile, keyof FileFacts> {
    this.handles += 1;
    let open = true;
    return {
      fd: 0,
      read: async (buffer, position, length) => {
        await this.#turn();
        if (!open) throw failure('EBADF', 'read');
        return file.content.copy(buffer, 0, position, Math.min(position + length, file.size));
      },
      close: async () => {
        if (open) this.handles -= 1;
        open = false;
        await this.#turn();
      },
    };
  }

  async #change<T>(call: DiskCall, apply: () => T, half: () => void = () => {}): Promise<T> {
    await this.#turn();
    this.changes += 1;
    if (this.changes >= this.#killedAt) {
      this.#killed.resolve();
      await new Promise<never>(() => {});
    }
    const code = this.#fails(call, this.changes);
    if (code !== null) {
      half();
      throw failure(code, `${call.call} ${call.path}`);
    }
    const done = apply();
    // What others do now comes between the change and the news of it.
    await this.#turn();
    return done;
  }

  /** A few turns of the microtask queue: enough to be overtaken, and always the same ones of a seed. */
  async #turn(): Promise<void> {
    if (this.dead) await new Promise<never>(() => {});
    for (let turns = this.#random.whole(0, 5); turns > 0; turns -= 1) await Promise.resolve();
  }
}

function factsOf({ size, modified, links, number }: RecordedFile): FileFacts {
  return { size, modified, changed: modified, links, inode: number, folder: false };
}
