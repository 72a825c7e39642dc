import { basename, join } from 'node:path';
import type { ByteSource } from '../base/body.ts';
import { algorithmOf } from '../base/digest.ts';
import type { Digest, Listed } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { BlobIndex } from './blob-index.ts';
import { Descriptors } from './descriptors.ts';
import type { Lease } from './descriptors.ts';
import { diskError } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';
import type { Reservation, Space } from './space.ts';

/** A held file, opened. */
export interface HeldBlob extends ByteSource {
  readonly size: number;
}

/** Immutable files named by their digest, below a possession scope. */
export class BlobStore {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #index: BlobIndex;
  readonly #space: Space;
  readonly #log: Logger;
  readonly #descriptors: Descriptors;
  readonly #folders = new Set<string>();

  constructor(options: {
    disk: Disk;
    layout: Layout;
    index: BlobIndex;
    space: Space;
    log: Logger;
    openFiles?: number;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#index = options.index;
    this.#space = options.space;
    this.#log = options.log;
    this.#descriptors = new Descriptors({ max: options.openFiles ?? 512, open: (path) => this.#disk.openRead(path) });
  }

  /**
   * Opens a held file. One whose length is wrong, or that cannot be opened, is moved aside or passed over: the caller
   * fetches it as if it had never been there.
   */
  async open(scope: string, listed: Listed): Promise<HeldBlob | null> {
    const path = this.#layout.blob(scope, listed);
    let lease: Lease | null;
    try {
      lease = await this.#descriptors.lease(path);
    } catch (error) {
      this.#log.warn({ path, error: diskError(error, path).message }, 'a held file cannot be opened');
      return null;
    }
    if (lease === null) {
      if (this.#index.has(scope, listed.digest)) {
        this.#index.delete(scope, listed.digest);
        this.#space.adjust(-listed.size);
      }
      return null;
    }
    if (lease.file.size !== listed.size) {
      lease.release();
      await this.#setAside(scope, listed, path);
      return null;
    }
    return heldBlob(lease, path, listed.size);
  }

  /** A file that could not be read as it should: moved aside, so that it is fetched again. */
  async distrust(scope: string, listed: Listed): Promise<void> {
    await this.#setAside(scope, listed, this.#layout.blob(scope, listed));
  }

  /** Whether the file is there with the right length. */
  async holds(scope: string, listed: Listed): Promise<boolean> {
    const path = this.#layout.blob(scope, listed);
    try {
      return (await this.#disk.size(path)) === listed.size;
    } catch {
      return false;
    }
  }

  /**
   * Turns a part, complete, verified and synced, into a held file: rename, then the directory is synced. A file listed
   * by another algorithm than sha256 also gets its sha256 name, as a hard link.
   */
  async commit(part: string, scope: string, listed: Listed, sha256: Digest, reservation: Reservation): Promise<void> {
    const path = this.#layout.blob(scope, listed);
    try {
      await this.#makeFolder(this.#layout.blobFolder(scope, listed.digest));
      await this.#disk.rename(part, path);
      await this.#disk.syncFolder(this.#layout.blobFolder(scope, listed.digest));
      if (algorithmOf(listed.digest) !== 'sha256') await this.#link(path, scope, { digest: sha256, size: listed.size });
    } catch (error) {
      reservation.release();
      this.#folders.clear();
      const failure = diskError(error, path);
      this.#space.failed(failure);
      throw failure;
    }
    this.#space.healed();
    this.#descriptors.forget(path);
    // A file that replaced its equal takes no more room than before.
    reservation.commit(this.#index.add(scope, listed.digest) ? listed.size : 0);
  }

  close(): void {
    this.#descriptors.close();
  }

  async #link(path: string, scope: string, named: Listed): Promise<void> {
    const folder = this.#layout.blobFolder(scope, named.digest);
    const target = this.#layout.blob(scope, named);
    await this.#makeFolder(folder);
    await this.#disk.unlink(target);
    await this.#disk.link(path, target);
    await this.#disk.syncFolder(folder);
    this.#index.add(scope, named.digest);
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await this.#disk.makeFolder(folder);
    this.#folders.add(folder);
  }

  async #setAside(scope: string, listed: Listed, path: string): Promise<void> {
    const aside = join(this.#layout.damaged, `${scope}.${basename(path)}`);
    this.#log.error({ path, expected: listed.size }, 'a held file is damaged; moved aside');
    this.#descriptors.forget(path);
    if (this.#index.has(scope, listed.digest)) this.#space.adjust(-listed.size);
    this.#index.delete(scope, listed.digest);
    try {
      await this.#disk.makeFolder(this.#layout.damaged);
      await this.#disk.rename(path, aside);
    } catch (error) {
      this.#log.warn({ path, error: diskError(error, path).message }, 'a damaged file cannot be moved aside');
    }
  }
}

function heldBlob(lease: Lease, path: string, size: number): HeldBlob {
  return {
    size,
    async read(buffer, position, length) {
      const count = await lease.file
        .read(buffer, position, Math.min(length, size - position))
        .catch((error: unknown) => {
          throw diskError(error, path);
        });
      if (count === 0) throw new WaystationError('blob_damaged', `${path} is shorter than its name says`);
      return count;
    },
    release: () => lease.release(),
  };
}
