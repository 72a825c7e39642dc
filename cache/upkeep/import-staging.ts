import { hasher } from '../../base/digest.ts';
import type { Algorithm, Listed } from '../../base/digest.ts';
import { systemCode, WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { WritableFile } from '../../disk/disk.ts';
import { passingPart } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import type { Reservation } from '../space/reservation.ts';
import { filePart } from '../fills/fill-place.ts';
import { verifyFirstLimit } from '../fills/fill.ts';
import { changed } from './import-source.ts';
import type { SourceFile } from './import-source.ts';
import { pathText } from './import-tree.ts';
import { StagedPart } from './staged-part.ts';
import type { Digests, StagedPartStore } from './staged-part.ts';

/** Bytes of one read. */
const readSize = 512 * 1024;

/** A file of the tree whose digests are known, and whose bytes, those that have them, can become a held file. */
export interface StagedFile {
  readonly digests: Digests;
  /** It was to be a hard link, and this is why it is a copy; null: it is as asked. */
  readonly copied: string | null;
  /** Names the bytes, durably; ends it. @throws WaystationError the disk's: then nothing is held, and nothing left. */
  keep(scope: string, listed: Listed): Promise<void>;
  /** Nothing of it stays; ends it. */
  discard(): Promise<void>;
}

/** Where files are staged. */
interface StagingStore extends StagedPartStore {
  readonly layout: Layout;
  /**
   * Files of trees, by file system and number, whose sync failed once: the system takes their bytes for written from
   * then on, so no later sync says anything of them.
   */
  readonly doubtful: Set<string>;
}

/** How files are staged. */
export interface StagingOptions {
  readonly algorithms: ReadonlySet<Algorithm>;
  /** Whether files become hard links where they can. */
  readonly link: boolean;
  readonly signal: AbortSignal;
}

/**
 * Brings files of a tree to where held files are made. What is hashed is what is stored: bytes on their way to a part,
 * a part that shares the source's blocks, or a part that is the source itself; never a source that is copied afterwards.
 */
export class Staging {
  readonly #store: StagingStore;
  readonly #options: StagingOptions;
  /** File systems that no blocks can be shared with. */
  readonly #unshared = new Set<number>();

  constructor(store: StagingStore, options: StagingOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Reads the file and stores nothing. @throws WaystationError `import_unreadable` */
  async hash(source: SourceFile): Promise<Digests> {
    const hashes = hashesOf(this.#options.algorithms);
    for await (const chunk of source.chunks(bufferFor(source), this.#options.signal)) hashes.update(chunk);
    return hashes.digests();
  }

  /**
   * Reads the file once, to where it can be kept.
   * @throws WaystationError `import_unreadable`, the disk's when it refuses.
   */
  async stage(source: SourceFile): Promise<StagedFile> {
    if (!this.#options.link) return this.#copied(source, null);
    if (this.#store.doubtful.has(keyOf(source))) return this.#copied(source, 'it could not be made durable once');
    const part = this.#newPart();
    const linked = await this.#linked(source, part);
    return typeof linked === 'string' ? this.#copied(source, linked) : this.#stagedLink(source, part, linked);
  }

  /** The same for bytes that have to be a file of their own, whatever was asked. @param because why. */
  copy(source: SourceFile, because: string): Promise<StagedFile> {
    return this.#copied(source, this.#options.link ? because : null);
  }

  #newPart(): string {
    return passingPart(this.#store.layout, 'import');
  }

  async #copied(source: SourceFile, copied: string | null): Promise<StagedFile> {
    return source.size <= verifyFirstLimit ? this.#inMemory(source, copied) : this.#onDisk(source, copied);
  }

  /** A small file is written once it is known to be wanted. */
  async #inMemory(source: SourceFile, copied: string | null): Promise<StagedFile> {
    const { disk } = this.#store;
    const hashes = hashesOf(this.#options.algorithms);
    const bytes = Buffer.allocUnsafeSlow(source.size);
    let filled = 0;
    for await (const chunk of source.chunks(bufferFor(source), this.#options.signal)) {
      filled += chunk.copy(bytes, filled);
      hashes.update(bytes.subarray(filled - chunk.length, filled));
    }
    const digests = hashes.digests();
    const keep = async (scope: string, listed: Listed): Promise<void> => {
      const part = new StagedPart(this.#store, this.#newPart(), await this.#reserve(source.size));
      const file = await part.over(() => filePart(disk, part.path, bytes));
      try {
        await part.commit(scope, listed, digests, file);
      } finally {
        file.release();
      }
    };
    return { digests, copied, keep, discard: async () => {} };
  }

  async #onDisk(source: SourceFile, copied: string | null): Promise<StagedFile> {
    const part = new StagedPart(this.#store, this.#newPart(), await this.#reserve(source.size));
    return part.over(async () => {
      const shared = await this.#shared(source, part.path);
      const file = await this.#store.disk.openPart(part.path);
      part.file = file;
      if (shared) part.reservation.wrote(source.size);
      const digests = shared ? await this.#hashPart(source, file) : await this.#write(source, part, file);
      return {
        digests,
        copied,
        keep: (scope, listed) => part.commit(scope, listed, digests, file),
        discard: () => part.drop(),
      };
    });
  }

  /** Whether the part has come to share the source's blocks. */
  async #shared(source: SourceFile, part: string): Promise<boolean> {
    if (this.#unshared.has(source.device)) return false;
    const shared = await this.#store.disk.clone(source.byDescriptor, part);
    if (!shared) this.#unshared.add(source.device);
    return shared;
  }

  async #write(source: SourceFile, part: StagedPart, file: WritableFile): Promise<Digests> {
    const hashes = hashesOf(this.#options.algorithms);
    let written = 0;
    for await (const chunk of source.chunks(bufferFor(source), this.#options.signal)) {
      hashes.update(chunk);
      await file.write([chunk], written);
      written += chunk.length;
      part.reservation.wrote(written);
    }
    return hashes.digests();
  }

  /** Of a part that is there as a whole. */
  async #hashPart(source: SourceFile, file: WritableFile): Promise<Digests> {
    const hashes = hashesOf(this.#options.algorithms);
    const buffer = bufferFor(source);
    for (let position = 0; ;) {
      this.#options.signal.throwIfAborted();
      const count = await file.read(buffer, position, buffer.length);
      hashes.update(buffer.subarray(0, count));
      position += count;
      // Longer or shorter than it was when it was looked at.
      if (position > source.size || (count === 0 && position < source.size)) throw changed(source.path);
      if (count === 0) return hashes.digests();
    }
  }

  /** Gives the source a second name, as a part. @returns it, open; a text that says why that is not possible. */
  async #linked(source: SourceFile, part: string): Promise<WritableFile | string> {
    const { disk } = this.#store;
    if (source.name === null) return 'its name is no UTF-8';
    try {
      await disk.link(source.name, part);
    } catch (error) {
      const code = systemCode(error) ?? '';
      const reason = noLinks[code];
      if (reason !== undefined) return reason;
      throw code === 'ENOENT' ? changed(source.path) : this.#refused(error, part);
    }
    try {
      // The name may lead elsewhere by now: to a symbolic link, to another file.
      if (!(await disk.isFile(part))) throw changed(source.path);
      return await disk.openPart(part);
    } catch (error) {
      await disk.unlink(part).catch(() => {});
      if (error instanceof WaystationError) throw error;
      if (systemCode(error) === 'EACCES') return 'it may not be written to, which making it durable needs';
      throw this.#refused(error, part);
    }
  }

  #refused(thrown: unknown, part: string): WaystationError {
    const failure = diskError(thrown, part);
    this.#store.space.failed(failure);
    return failure;
  }

  /** The file takes its room on disk already: of the budget it takes room like every other. */
  async #stagedLink(source: SourceFile, path: string, file: WritableFile): Promise<StagedFile> {
    const { disk, space } = this.#store;
    space.adjust(source.size);
    const reservation = await this.#reserve(source.size, source.size).catch(async (error: unknown) => {
      space.adjust(-source.size);
      await file.close().catch(() => {});
      await disk.unlink(path).catch(() => {});
      throw error;
    });
    const part = new StagedPart(this.#store, path, reservation);
    part.file = file;
    return part.over(async () => {
      const digests = await this.#hashPart(source, file);
      const sync = (): Promise<void> => this.#syncLink(source, file);
      return {
        digests,
        copied: null,
        // Not stamped: its times are also those of the file in the tree.
        keep: (scope, listed) => part.commit(scope, listed, digests, { stamp: async () => {}, sync }),
        discard: () => part.drop(),
      };
    });
  }

  /** Under another of its names it may fail before this, or meanwhile. */
  async #syncLink(source: SourceFile, file: WritableFile): Promise<void> {
    const { doubtful } = this.#store;
    await file.sync().catch((error: unknown) => {
      doubtful.add(keyOf(source));
      throw error;
    });
    if (doubtful.has(keyOf(source)))
      throw new WaystationError('disk_failing', `${pathText(source.path)} could not be made durable`);
  }

  async #reserve(bytes: number, present = 0): Promise<Reservation> {
    const { space } = this.#store;
    const reservation = await space.reserve(bytes, present);
    if (reservation !== null) return reservation;
    if (space.state === 'read-only') throw new WaystationError('disk_read_only', 'the state directory is read-only');
    if (space.state === 'failing') throw new WaystationError('disk_failing', 'the disk of the state directory fails');
    throw new WaystationError('disk_full', `no space to store a file of ${bytes} bytes`);
  }
}

const noLinks: Readonly<Record<string, string>> = {
  EXDEV: 'it lies on another file system',
  EPERM: 'its file system, or its owner, allows no hard links',
  EACCES: 'its file system, or its owner, allows no hard links',
  EMLINK: 'it has too many names',
  ENOTSUP: 'its file system has no hard links',
  EOPNOTSUPP: 'its file system has no hard links',
};

function keyOf({ device, inode }: SourceFile): string {
  return `${device}:${inode}`;
}

function bufferFor({ size }: SourceFile): Buffer {
  return Buffer.allocUnsafeSlow(Math.min(readSize, Math.max(1, size)));
}

function hashesOf(algorithms: ReadonlySet<Algorithm>): { update(bytes: Buffer): void; digests(): Digests } {
  const hashes = [...new Set<Algorithm>(['sha256', ...algorithms])].map((name) => [name, hasher(name)] as const);
  return {
    update: (bytes) => {
      for (const [, hash] of hashes) hash.update(bytes);
    },
    digests: () => new Map(hashes.map(([name, hash]) => [name, hash.digest()])),
  };
}
