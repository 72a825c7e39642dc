import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Listed } from '../../base/digest.ts';
import type { Logger } from '../../base/log.ts';
import type { Meter } from '../../base/metrics.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { BlobIndex } from './blob-index.ts';
import { Descriptors } from './descriptors.ts';
import type { Lease } from './descriptors.ts';
import { Exclusive } from './exclusive.ts';
import { GroupCommit } from '../../disk/group-commit.ts';
import type { Settled } from '../../disk/group-commit.ts';
import { heldBlob } from './held-blob.ts';
import type { HeldBlob } from './held-blob.ts';
import { Naming } from './naming.ts';
import type { Commit, NamingParts } from './naming.ts';
import { Provenance } from './provenance.ts';
import { Quarantine } from './quarantine.ts';
import { foundAbsent, removeBlob } from './removal.ts';
import type { BlobParts, Removal, Removed } from './removal.ts';
import { SettingAside } from './set-aside.ts';
import { SeveralNames } from './several-names.ts';
import { Sharing } from './sharing.ts';
import { verificationFailures } from './verification-failures.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { DurableNames } from '../../disk/durable-names.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';

/** Immutable files named by their digest, below a possession scope. */
export class BlobStore implements Removal {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #index: BlobIndex;
  readonly #log: Logger;
  readonly #descriptors: Descriptors;
  readonly #provenance: Provenance;
  readonly #aside: SettingAside;
  readonly #names: DurableNames;
  /** Paths of held files whose names were not synced yet, or could not be. */
  readonly #unsynced = new Set<string>();
  readonly #exclusive = new Exclusive();
  /** Whose path was asked for last: each file of a sync is asked for some times in a row. */
  #asked: { readonly scope: string; readonly listed: Listed; readonly path: string } | null = null;
  readonly #group: GroupCommit;
  readonly #several: SeveralNames;
  readonly #parts: BlobParts;
  readonly #naming: NamingParts;

  constructor(options: {
    disk: Disk;
    layout: Layout;
    index: BlobIndex;
    space: Space;
    clock: Clock;
    log: Logger;
    meter?: Meter;
    openFiles?: number;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#index = options.index;
    this.#log = options.log;
    this.#names = new DurableNames(options.disk, options.layout.root);
    this.#group = new GroupCommit(options.disk, options.layout.parts);
    this.#provenance = new Provenance(options.disk);
    this.#descriptors = new Descriptors({ max: options.openFiles ?? 512, disk: options.disk, clock: options.clock });
    const { disk, layout, index, space, log } = options;
    this.#several = new SeveralNames({ disk, layout, index, space });
    const [descriptors, exclusive, several, names] = [this.#descriptors, this.#exclusive, this.#several, this.#names];
    this.#parts = { disk, layout, index, space, log, descriptors, exclusive, several, names };
    const quarantine = new Quarantine(disk, layout.damaged);
    this.#aside = new SettingAside(this.#parts, quarantine, verificationFailures(options.meter ?? silentMeter));
    this.#naming = { ...this.#parts, sharing: new Sharing(this.#parts), unsynced: this.#unsynced };
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
      await foundAbsent(this.#parts, scope, listed);
      return null;
    }
    if (await this.#isRight(path, listed, lease.file)) {
      this.#index.touch(scope, listed.digest);
      return heldBlob(lease, path, listed.size);
    }
    lease.release();
    await this.#aside.take(scope, listed, lease.file);
    return null;
  }

  /** By length and stamp, else by its digest. A file that cannot be read is not right. */
  async #isRight(path: string, listed: Listed, facts: FileFacts): Promise<boolean> {
    if (facts.size !== listed.size) return false;
    if (this.#provenance.evident(path, facts)) return true;
    try {
      const right = await this.#provenance.establish(path, listed, facts);
      // Opened again next time, with the stamp that it has now.
      this.#descriptors.forget(path);
      return right;
    } catch (error) {
      this.#log.warn({ path, error: diskError(error, path).message }, 'a held file cannot be read');
      return false;
    }
  }

  /**
   * A file that is not what its name says, or could not be read: moved aside, so that it is fetched again.
   * @returns false when it is still under its name: the disk did not let go of it.
   */
  async distrust(scope: string, listed: Listed): Promise<boolean> {
    return this.#aside.take(scope, listed, null);
  }

  /** Whether the file is there, durably, and is the one that was proven. */
  holds(scope: string, listed: Listed): boolean | Promise<boolean> {
    const path = this.#path(scope, listed);
    // Most of what a first sync looks for: the disk need not be asked.
    return this.#isUnknown(path, scope, listed) ? false : this.#looked(path, scope, listed);
  }

  #path(scope: string, listed: Listed): string {
    if (this.#asked?.listed !== listed || this.#asked.scope !== scope)
      this.#asked = { scope, listed, path: this.#layout.blob(scope, listed) };
    return this.#asked.path;
  }

  #isUnknown(path: string, scope: string, listed: Listed): boolean {
    return !this.#exclusive.busy(path) && this.#index.complete && !this.#index.has(scope, listed.digest);
  }

  async #looked(path: string, scope: string, listed: Listed): Promise<boolean> {
    if (this.#exclusive.busy(path)) await this.#exclusive.idle(path);
    if (this.#isUnknown(path, scope, listed)) return false;
    try {
      const facts = await this.#disk.facts(path);
      if (facts === null) return false;
      if (!(await this.#isRight(path, listed, facts))) {
        await this.#aside.take(scope, listed, facts);
        return false;
      }
      await this.#syncName(path);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Turns a part into a held file, durably: its bytes are synced, it is renamed, then the directory is synced, together
   * with others that come meanwhile. A file listed by another algorithm than sha256 also gets its sha256 name, as a hard
   * link. Ends the reservation once the file has its name; before that, it is the caller's to end.
   * @throws WaystationError when the file has no name, or none that is sure to outlive a power cut.
   */
  commit(commit: Commit): Promise<void> {
    return new Promise((resolve, reject) => this.keep(commit, (error) => (error === null ? resolve() : reject(error))));
  }

  /** As `commit`, for who needs no promise. */
  keep(commit: Commit, settled: Settled): void {
    const path = this.#path(commit.scope, commit.listed);
    const naming = new Naming(this.#naming, commit, path);
    const ready = this.#several.ready(path);
    if (ready === undefined && !naming.isEarly) this.#group.take(naming, settled);
    else
      this.#commitLater(naming, ready).then(
        () => settled(null),
        (error: unknown) => settled(error as Error),
      );
  }

  async #commitLater(naming: Naming, ready: void | Promise<void>): Promise<void> {
    try {
      await ready;
      if (naming.isEarly) await naming.stampAndSync();
    } catch (error) {
      throw naming.failed(error);
    }
    await this.#group.add(naming);
  }

  /** Removes a held file, unless somebody reads or writes it now. @param may asked right before: false leaves it. */
  async remove(scope: string, listed: Listed, may: () => boolean = () => true): Promise<Removed> {
    const removed = await removeBlob(this.#parts, { scope, listed, may });
    if (removed.result === 'removed') this.#unsynced.delete(this.#layout.blob(scope, listed));
    return removed;
  }

  /**
   * Resolves when every name that was given or taken outlives a power cut.
   * @param earlier also by processes before this one, which may have been killed before they synced it.
   * @throws the disk's error.
   */
  async settle(earlier: boolean): Promise<void> {
    if (earlier) await syncFolders(this.#disk, this.#layout.blobs, 3);
    for (const folder of new Set([...this.#unsynced].map((path) => dirname(path)))) await this.#disk.syncFolder(folder);
    this.#unsynced.clear();
    await this.#names.settleAll();
  }

  /** Names of files that may have several are given and taken in turn; see `SeveralNames`. */
  get several(): SeveralNames {
    return this.#several;
  }

  close(): void {
    this.#descriptors.close();
  }

  /**
   * Makes a name outlive a power cut, if an earlier try to do so failed or is still to come; also one of an earlier
   * process, which may have been killed in between.
   */
  async #syncName(path: string): Promise<void> {
    if (this.#unsynced.has(path)) {
      await this.#disk.syncFolder(dirname(path));
      this.#unsynced.delete(path);
    }
    await this.#names.settle(dirname(path));
  }
}

/** Syncs a folder and all below it. @param levels of folders below it. */
async function syncFolders(disk: Disk, folder: string, levels: number): Promise<void> {
  await disk.syncFolder(folder);
  if (levels > 0) for (const name of await disk.list(folder)) await syncFolders(disk, join(folder, name), levels - 1);
}
