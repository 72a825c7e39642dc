import { dirname } from 'node:path';
import type { Disk } from './disk.ts';

/**
 * Which names below a folder are sure to outlive a power cut. Only a sync by this process says so: that a name is there
 * does not, for an earlier process may have been killed before it synced what it had named.
 */
export class DurableNames {
  readonly #disk: Disk;
  readonly #top: string;
  /** Folder → names that were given in it … */
  readonly #given = new Map<string, number>();
  /** … and how many of them its last sync covers. A folder that this process never synced is in none. */
  readonly #covered = new Map<string, number>();
  readonly #made = new Set<string>();
  readonly #taken = new Set<string>();
  /** Folders that were settled, since a name was last given anywhere. */
  readonly #settled = new Set<string>();
  #making: Promise<void> = Promise.resolve();

  /** @param top the highest folder that is looked after; its own name is durable. */
  constructor(disk: Disk, top: string) {
    this.#disk = disk;
    this.#top = top;
  }

  /** Whether `makeFolder` has nothing to do. */
  isMade(folder: string): boolean {
    return this.#made.has(folder);
  }

  /** Makes a folder below the top, with all between, once. @throws the disk's error. */
  async makeFolder(folder: string): Promise<void> {
    if (this.isMade(folder)) return;
    // One after the other: who finds a folder there must not run ahead of the one that made it, and has yet to sync.
    const making = this.#making.then(async () => {
      // The top first: what says what the folders are may be of a process that was killed before it synced that.
      await this.#sync(this.#top);
      await this.#disk.makeFolder(folder);
    });
    this.#making = making.catch(() => {});
    try {
      await making;
      this.#made.add(folder);
    } catch (error) {
      this.doubt();
      throw error;
    }
  }

  /** A name was given in `folder`, or now leads elsewhere. */
  given(folder: string): void {
    this.#given.set(folder, (this.#given.get(folder) ?? 0) + 1);
    this.#settled.clear();
  }

  /** A name was taken away in `folder`: nobody waits for that, but it is not settled before the folder is synced. */
  taken(folder: string): void {
    this.#taken.add(folder);
  }

  /** Resolves when every name that was given or taken anywhere outlives a power cut. @throws the disk's error. */
  async settleAll(): Promise<void> {
    // A folder whose given names are covered is not settled while one that was taken from it may come back.
    for (const folder of this.#taken) await this.#syncNow(folder);
    for (const folder of this.#given.keys()) await this.settle(folder);
  }

  /** A call failed: folders may have been removed under us, and others made that are not synced. */
  doubt(): void {
    this.#made.clear();
    this.#covered.clear();
    this.#settled.clear();
  }

  /** Whether `settle` has nothing to do. */
  isSettled(folder: string): boolean {
    return this.#settled.has(folder);
  }

  /** Resolves when all names that were given in `folder` by now, and its own, outlive a power cut. @throws the disk's error. */
  async settle(folder: string): Promise<void> {
    for (let at = folder; at.length >= this.#top.length; at = dirname(at))
      if (!this.#isCovered(at)) await this.#sync(at);
    // Unless something was given or doubted in the meantime.
    if (this.#isWayCovered(folder)) this.#settled.add(folder);
  }

  #isWayCovered(folder: string): boolean {
    for (let at = folder; at.length >= this.#top.length; at = dirname(at)) if (!this.#isCovered(at)) return false;
    return true;
  }

  #isCovered(folder: string): boolean {
    return (this.#covered.get(folder) ?? -1) >= (this.#given.get(folder) ?? 0);
  }

  async #sync(folder: string): Promise<void> {
    if (!this.#isCovered(folder)) await this.#syncNow(folder);
  }

  async #syncNow(folder: string): Promise<void> {
    const given = this.#given.get(folder) ?? 0;
    // What is given or taken while the sync is under way may come too late for it.
    const taken = this.#taken.delete(folder);
    try {
      await this.#disk.syncFolder(folder);
    } catch (error) {
      if (taken) this.#taken.add(folder);
      throw error;
    }
    this.#covered.set(folder, Math.max(given, this.#covered.get(folder) ?? 0));
  }
}
