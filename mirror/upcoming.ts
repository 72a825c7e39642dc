/** What is to be done, taken one by one by several who work at it: a promise is needed only where a block ends. */
export class Upcoming<Item> {
  readonly #blocks: AsyncIterator<readonly Item[]>;
  #block: readonly Item[] = [];
  #next = 0;
  #reading: Promise<boolean> | null = null;

  constructor(blocks: AsyncIterator<readonly Item[]>) {
    this.#blocks = blocks;
  }

  /** @returns the next one that is at hand; null: `more` has to be asked. */
  take(): Item | null {
    const item = this.#block[this.#next];
    if (item === undefined) return null;
    this.#next += 1;
    return item;
  }

  /** Resolves when there are others at hand, unless somebody took them; with false at the end. Rejects as reading does. */
  more(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    if (this.#next < this.#block.length) return true;
    const next = await this.#blocks.next();
    if (next.done === true) return false;
    this.#block = next.value;
    this.#next = 0;
    return true;
  }
}
