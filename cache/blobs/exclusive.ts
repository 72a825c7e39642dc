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
    // Looked at right before it begins: of several that waited only one goes on.
    for (let other = this.#busy.get(path); other !== undefined; other = this.#busy.get(path)) await other;
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
