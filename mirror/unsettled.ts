/** Work that is nearly done: received, and waiting for the disk. Bounded by number and by bytes. */
export class Unsettled {
  readonly #most: { readonly files: number; readonly bytes: number };
  #files = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(most: { files: number; bytes: number }) {
    this.#most = most;
  }

  /** @param work never rejects: what went wrong is noted by whoever does it. */
  add(work: Promise<void>, bytes: number): void {
    this.#files += 1;
    this.#bytes += bytes;
    void work.then(() => {
      this.#files -= 1;
      this.#bytes -= bytes;
      this.#wake();
    });
  }

  /** Resolves when more may be added. */
  async room(): Promise<void> {
    while (this.#files >= this.#most.files || (this.#bytes > this.#most.bytes && this.#files > 0)) await this.#change();
  }

  /** Resolves when all of it has settled. */
  async end(): Promise<void> {
    while (this.#files > 0) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
