import type { Digest, Listed } from '../../base/digest.ts';
import { systemCode } from '../../base/errors.ts';
import type { Disk } from '../../disk/disk.ts';
import type { DurableNames } from '../../disk/durable-names.ts';
import type { Pending } from '../../disk/group-commit.ts';
import type { Reservation } from '../space/reservation.ts';
import type { BlobIndex } from './blob-index.ts';
import type { Descriptors } from './descriptors.ts';
import type { Exclusive } from './exclusive.ts';
import type { SeveralNames, Standing } from './several-names.ts';

/** A file with proven bytes, before it has its name. */
export interface PartFile {
  readonly path: string;
  /** Marks it as proven. What is not in the file yet is written before. */
  stamp(): Promise<void>;
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
  readonly #early: boolean;

  /** @param path that the file gets. */
  constructor(parts: NamingParts, commit: Commit, path: string) {
    this.#parts = parts;
    this.#commit = commit;
    this.#path = path;
    this.#early = commit.listed.size > sharedSyncLimit;
  }

  /** Before it joins a round. @returns nothing for a file that shares the round's sync. @throws the disk's error. */
  early(): void | Promise<void> {
    if (this.#early) return this.#stampAndSync();
  }

  write(): Promise<void> | null {
    return this.#early ? null : this.#commit.part.stamp();
  }

  sync(): Promise<void> {
    return this.#early ? Promise.resolve() : this.#commit.part.sync();
  }

  async name(): Promise<string> {
    const { exclusive, several, names, unsynced } = this.#parts;
    const path = this.#path;
    const entering = exclusive.enter(path);
    if (entering !== undefined) await entering;
    try {
      const folder = path.slice(0, path.lastIndexOf('/'));
      if (!names.isMade(folder)) await names.makeFolder(folder);
      if (several.isFirst(this.#commit)) await this.#give(folder, null);
      else await several.alone(async () => this.#give(folder, await several.standing(this.#commit)));
      unsynced.add(path);
      return folder;
    } finally {
      exclusive.leave(path);
    }
  }

  /** @param standing of a file that the name leads to already; null: it leads to none. */
  async #give(folder: string, standing: Standing | null): Promise<void> {
    const { disk, index, descriptors, names } = this.#parts;
    const { part, scope, listed, reservation, wanted = false } = this.#commit;
    try {
      await disk.rename(part.path, this.#path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      // Removed under the service, since it was made.
      names.doubt();
      await names.makeFolder(folder);
      await disk.rename(part.path, this.#path);
    }
    descriptors.forget(this.#path);
    // From here on the file is there, whatever happens next. One that replaced its equal takes no more room, unless
    // that goes on under another name.
    const isNew = index.add(scope, listed, { wanted });
    reservation.commit(isNew || standing?.left() === false ? listed.size : 0);
  }

  async #stampAndSync(): Promise<void> {
    await this.#commit.part.stamp();
    await this.#commit.part.sync();
  }
}
