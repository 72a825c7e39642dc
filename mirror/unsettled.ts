/** Work that is nearly done: received, and waiting for the disk. Bounded by number and by bytes. */
export class Unsettled {
  readonly #most: { readonly files: number; readonly bytes: number };
  readonly #work = new Set<Promise<void>>();
  #bytes = 0;

  constructor(most: { files: number; bytes: number }) {
    this.#most = most;
  }

  /** @param work never rejects: what went wrong is noted by whoever does it. */
  add(work: Promise<void>, bytes: number): void {
    this.#bytes += bytes;
    const settled = work.finally(() => {
      this.#bytes -= bytes;
      this.#work.delete(settled);
    });
    this.#work.add(settled);
  }

  /** Resolves when more may be added. */
  async room(): Promise<void> {
    while (this.#work.size >= this.#most.files || (this.#bytes > this.#most.bytes && this.#work.size > 0))
      await Promise.race(this.#work);
  }

  /** Resolves when all of it has settled. */
  async end(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}
