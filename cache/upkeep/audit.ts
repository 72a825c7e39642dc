import { systemCode } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { checkFile } from '../blobs/check.ts';
import type { CheckOptions } from '../blobs/check.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import { walkBlobs } from './blob-walk.ts';
import type { BlobName } from './blob-walk.ts';

/** So many unreadable files in a row are a sick disk: its files stay where they are, they may be readable tomorrow. */
const sickAfter = 8;
/** What a medium or a file system says of bytes that it has lost; all else (rights, descriptors) is no fault of the file. */
const lostBytes: ReadonlySet<string> = new Set(['EIO', 'EBADMSG', 'EUCLEAN']);
/** A file that is replaced while it is hashed is hashed again, so many times. */
const repeats = 3;

/** What is wrong with a held file, and what was done. */
export interface Finding {
  readonly blob: BlobName;
  /** For people, without the path. */
  readonly reason: string;
  /** Whether its name is free, so that it can be fetched again. */
  readonly setAside: boolean;
}

export type Verdict = 'right' | 'absent' | Finding;

/** Compares held files with their names, whatever their times say; what is wrong is moved aside. */
export class Audit {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #space: Space;
  readonly #log: Logger;
  #unreadable = 0;

  constructor(options: { disk: Disk; layout: Layout; blobs: BlobStore; space: Space; log: Logger }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#space = options.space;
    this.#log = options.log;
  }

  /** Every held file, in the order of their names; `after` is the place of the one before the first. */
  walk(after: string | null): AsyncGenerator<BlobName> {
    return walkBlobs({ disk: this.#disk, layout: this.#layout, log: this.#log }, after);
  }

  /** Whether there is a file of that name, right or wrong. */
  async present(blob: BlobName): Promise<boolean> {
    // One that cannot even be looked at is there: the check says what is wrong with it.
    return (await this.#facts(blob).catch(() => true)) !== null;
  }

  /**
   * Reads the whole file, and moves it aside when it is wrong or its bytes are lost.
   * @throws WaystationError `disk_failing`, `disk_read_only` when it cannot be read for a reason that is not its own
   * (rights, descriptors); the signal's reason.
   */
  async check(blob: BlobName, options: CheckOptions): Promise<Verdict> {
    for (let turn = 1; ; turn += 1) {
      const before = await this.#facts(blob).catch(() => undefined);
      if (before === null) return 'absent';
      const read = await this.#read(blob, options);
      if (read === 'right' || read === 'absent') return read;
      const after = await this.#facts(blob).catch(() => undefined);
      // Moved aside and fetched again by a client meanwhile: what was hashed is not what is there now.
      if (turn < repeats && after?.changed !== before?.changed) continue;
      return this.#setAside(blob, read);
    }
  }

  async #read(blob: BlobName, options: CheckOptions): Promise<'right' | 'absent' | 'wrong' | WaystationError> {
    const path = this.#layout.blob(blob.scope, blob.listed);
    try {
      const verdict = await checkFile(this.#disk, path, blob.listed, options);
      this.#unreadable = 0;
      return verdict;
    } catch (thrown) {
      options.signal?.throwIfAborted();
      const error = diskError(thrown, path);
      if (lostBytes.has(systemCode(error) ?? '')) return error;
      throw error;
    }
  }

  async #setAside(blob: BlobName, read: 'wrong' | WaystationError): Promise<Finding> {
    const reason =
      read === 'wrong' ? 'its bytes are not those of its digest' : `it cannot be read (${systemCode(read)})`;
    if (read !== 'wrong') {
      this.#unreadable += 1;
      if (this.#unreadable >= sickAfter) {
        this.#space.failed(read);
        return { blob, reason: `${reason}, nor could those before it: the disk is failing`, setAside: false };
      }
    }
    return { blob, reason, setAside: await this.#blobs.distrust(blob.scope, blob.listed) };
  }

  #facts({ scope, listed }: BlobName): Promise<FileFacts | null> {
    return this.#disk.facts(this.#layout.blob(scope, listed));
  }
}
