import type { Disk } from './disk.ts';

/** Takes a directory for this process. @throws WaystationError `state_locked` when another has it. */
export type TakeLock = (root: string) => Promise<{ release(): void }>;

interface Held {
  readonly release: () => void;
  /** null: it could not be asked for. */
  readonly inode: number | null;
}

/** The state directory as this process's own: also the one that is made in its place when it was removed. */
export class DirectoryLock {
  readonly #take: TakeLock;
  readonly #disk: Disk;
  readonly #root: string;
  #held: Held;

  private constructor(taking: { take: TakeLock; disk: Disk; root: string }, held: Held) {
    this.#take = taking.take;
    this.#disk = taking.disk;
    this.#root = taking.root;
    this.#held = held;
  }

  /** @throws WaystationError `state_locked` */
  static async take(take: TakeLock, disk: Disk, root: string): Promise<DirectoryLock> {
    const lock = await take(root);
    const inode = (await disk.facts(root).catch(() => null))?.inode ?? null;
    return new DirectoryLock({ take, disk, root }, { release: () => lock.release(), inode });
  }

  /** Takes the directory that has the name now, if it is another one. @throws WaystationError `state_locked` */
  async renew(): Promise<void> {
    const inode = (await this.#disk.facts(this.#root))?.inode ?? null;
    if (inode === null || inode === this.#held.inode) return;
    const lock = await this.#take(this.#root);
    this.#held.release();
    this.#held = { release: () => lock.release(), inode };
  }

  release(): void {
    this.#held.release();
  }
}
