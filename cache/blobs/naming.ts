import { algorithmOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { systemCode } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Renaming } from '../../disk/rename-each.ts';
import type { DurableNames } from '../../disk/durable-names.ts';
import type { Pending } from '../../disk/group-commit.ts';
import type { Reservation } from '../space/reservation.ts';
import type { Space } from '../space/space.ts';
import type { BlobIndex } from './blob-index.ts';
import type { Descriptors } from './descriptors.ts';
import type { Exclusive } from './exclusive.ts';
import type { SeveralNames, Standing } from './several-names.ts';
import type { Sharing } from './sharing.ts';

/** A file with proven bytes, before it has its name. */
export interface PartFile {
  readonly path: string;
  /** Marks it as proven. What is not in the file yet is written before. null: all of that is done. */
  stamp(): Promise<void> | null;
  sync(): Promise<void>;
}

/** What becomes a held file. */
export interface Commit {
  /** Complete and verified. */
  readonly part: PartFile;
  readonly scope: string;
  readonly listed: Listed;
  readonly sha256: Digest;
  readonly reservation: Reservation;
  /** A client asked for it. */
  readonly wanted?: boolean;
}

export interface NamingParts {
  readonly disk: Disk;
  readonly index: BlobIndex;
  readonly descriptors: Descriptors;
  readonly exclusive: Exclusive;
  readonly several: SeveralNames;
  readonly names: DurableNames;
  readonly sharing: Sharing;
  readonly space: Space;
  /** Paths of held files whose names are not durable yet. */
  readonly unsynced: Set<string>;
}

/** Larger files are synced before they join others: the small shall not wait for the large. Bytes. */
const sharedSyncLimit = 8 * 1024 * 1024;

/** A part on the way to its name, as a round of commits takes it. A class with few promises: a sync has many of them. */
export class Naming implements Pending {
  readonly #parts: NamingParts;
  readonly #commit: Commit;
  readonly #path: string;
  readonly #folder: string;
  readonly #early: boolean;

  /** @param path that the file gets. */
  constructor(parts: NamingParts, commit: Commit, path: string) {
    this.#parts = parts;
    this.#commit = commit;
    this.#path = path;
    this.#folder = path.slice(0, path.lastIndexOf('/'));
    this.#early = commit.listed.size > sharedSyncLimit;
  }

  /** Whether it is written and synced before it joins a round. */
  get isEarly(): boolean {
    return this.#early;
  }

  /** @throws the disk's error. */
  async stampAndSync(): Promise<void> {
    await this.#commit.part.stamp();
    await this.#commit.part.sync();
  }

  write(): Promise<void> | null {
    return this.#early ? null : this.#commit.part.stamp();
  }

  sync(): Promise<void> {
    return this.#early ? Promise.resolve() : this.#commit.part.sync();
  }

  name(): Promise<string> {
    const plain = this.plainly();
    if (plain === null) return this.#parts.exclusive.run(this.#path, () => this.#nameInTurn(this.#folder));
    return this.#parts.disk.rename(plain.from, plain.to).then(
      () => this.named(null),
      (error: unknown) => this.named(error as Error),
    );
  }

  /** As mostly: nobody else has to do with the name, and there is nothing to prepare. Others are kept from it until `named`. */
  plainly(): Renaming | null {
    const { exclusive, several, names } = this.#parts;
    const path = this.#path;
    if (exclusive.busy(path) || !names.isMade(this.#folder) || !several.isFirst(this.#commit)) return null;
    void exclusive.enter(path);
    return { from: this.#commit.part.path, to: path };
  }

  named(error: Error | null): string | Promise<string> {
    if (error !== null) return this.#namedAfter(error);
    this.#named(null);
    this.#parts.exclusive.leave(this.#path);
    return this.#folder;
  }

  async #namedAfter(error: Error): Promise<string> {
    try {
      await this.#renameAgain(this.#folder, error);
      this.#named(null);
      return this.#folder;
    } finally {
      this.#parts.exclusive.leave(this.#path);
    }
  }

  async #nameInTurn(folder: string): Promise<string> {
    const { several, names } = this.#parts;
    await names.makeFolder(folder);
    if (several.isFirst(this.#commit)) await this.#give(folder, null);
    else await several.alone(async () => this.#give(folder, await several.standing(this.#commit)));
    return folder;
  }

  /** @param standing of a file that the name leads to already; null: it leads to none. */
  async #give(folder: string, standing: Standing | null): Promise<void> {
    const from = this.#commit.part.path;
    await this.#parts.disk.rename(from, this.#path).catch((error: unknown) => this.#renameAgain(folder, error));
    this.#named(standing);
  }

  async #renameAgain(folder: string, error: unknown): Promise<void> {
    const { disk, names } = this.#parts;
    if (systemCode(error) !== 'ENOENT') throw error;
    // Removed under the service, since it was made.
    names.doubt();
    await names.makeFolder(folder);
    await disk.rename(this.#commit.part.path, this.#path);
  }

  /** From here on the file is there, whatever happens next. */
  #named(standing: Standing | null): void {
    const { index, descriptors, unsynced } = this.#parts;
    const { scope, listed, reservation, wanted = false } = this.#commit;
    descriptors.forget(this.#path);
    // One that replaced its equal takes no more room, unless that goes on under another name.
    const isNew = index.add(scope, listed, { wanted });
    reservation.commit(isNew || standing?.left() === false ? listed.size : 0);
    unsynced.add(this.#path);
  }

  durable(): Promise<void> | null {
    const { unsynced, names, sharing, space } = this.#parts;
    unsynced.delete(this.#path);
    const isAlone = sharing.isPointless && algorithmOf(this.#commit.listed.digest) === 'sha256';
    if (!names.isSettled(this.#way) || !isAlone) return this.#finish();
    space.healed();
    return null;
  }

  failed(error: unknown): WaystationError {
    const { names, space } = this.#parts;
    names.doubt();
    const failure = diskError(error, this.#path);
    space.failed(failure);
    return failure;
  }

  get #way(): string {
    return this.#folder.slice(0, this.#folder.lastIndexOf('/'));
  }

  async #finish(): Promise<void> {
    const { names, sharing, space } = this.#parts;
    const { scope, listed, sha256 } = this.#commit;
    try {
      // The way to it, once: a process that was killed may have made these folders, and not synced their names.
      await names.settle(this.#way);
    } catch (error) {
      throw this.failed(error);
    }
    space.healed();
    if (algorithmOf(listed.digest) !== 'sha256') await sharing.bySha256(scope, listed, sha256);
    if (!sharing.isPointless) await sharing.withOthers(scope, listed, sha256);
  }
}
