/** One piece of work at a time for each path. */
export class Exclusive {
  readonly #busy = new Map<string, Promise<unknown>>();

  busy(path: string): boolean {
    return this.#busy.has(path);
  }

  /** Resolves when nothing is done to the path. */
  async idle(path: string): Promise<void> {
    for (let work = this.#busy.get(path); work !== undefined; work = this.#busy.get(path)) await work;
  }

  /** Does `work` once nothing else is done to the path. */
  async run<T>(path: string, work: () => Promise<T>): Promise<T> {
    await this.idle(path);
    const done = work();
    const settled = done.then(
      () => {},
      () => {},
    );
    this.#busy.set(path, settled);
    try {
      return await done;
    } finally {
      this.#busy.delete(path);
    }
  }
}
