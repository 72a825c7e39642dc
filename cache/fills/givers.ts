import type { Loader, Transfer } from '../../base/transfer.ts';

const nobody: readonly Transfer[] = [];

/** Whose bytes a file is made of, since they last began at 0: who is told of when they are wrong. */
export class Givers {
  #transfers = nobody;
  #mixed = false;

  /** Whether anybody gave any. */
  get some(): boolean {
    return this.#transfers !== nobody;
  }

  gave(transfer: Transfer): void {
    if (!this.#transfers.includes(transfer)) this.#transfers = [...this.#transfers, transfer];
  }

  /** The bytes begin anew, or nobody asks any more whose they were. */
  forget(): void {
    this.#transfers = nobody;
  }

  /**
   * The whole is wrong: tells the loader who lied. Of several that gave a part each nobody knows at first which one it
   * was: where the file is had once `again`, the first time none of them is told of.
   */
  blame(loader: Pick<Loader, 'lied'>, again: boolean): void {
    const isUnclear = this.#transfers.length > 1 && again && !this.#mixed;
    if (isUnclear) this.#mixed = true;
    else for (const giver of this.#transfers) loader.lied(giver);
  }
}
