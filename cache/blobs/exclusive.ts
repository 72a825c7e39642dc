/** One piece of work at a time for each path. */
export class Exclusive {
  /** By path, who waits for the work to end; null: nobody, as mostly. */
  readonly #busy = new Map<string, (() => void)[] | null>();

  busy(path: string): boolean {
    return this.#busy.has(path);
  }

  /** Resolves when nothing is done to the path. */
  async idle(path: string): Promise<void> {
    for (let waiting = this.#busy.get(path); waiting !== undefined; waiting = this.#busy.get(path)) {
      const line = waiting ?? [];
      this.#busy.set(path, line);
      await new Promise<void>((resolve) => line.push(resolve));
    }
  }

  /** Keeps others from the path until `leave`. @returns nothing when it was free. */
  enter(path: string): void | Promise<void> {
    if (this.#busy.has(path)) return this.#enterAfterOthers(path);
    this.#busy.set(path, null);
  }

  leave(path: string): void {
    const waiting = this.#busy.get(path) ?? null;
    this.#busy.delete(path);
    if (waiting !== null) for (const go of waiting) go();
  }

  /** Does `work` once nothing else is done to the path. */
  async run<T>(path: string, work: () => Promise<T>): Promise<T> {
    await this.enter(path);
    try {
      return await work();
    } finally {
      this.leave(path);
    }
  }

  async #enterAfterOthers(path: string): Promise<void> {
    // Looked at right before it begins: of several that waited only one goes on.
    while (this.#busy.has(path)) await this.idle(path);
    this.#busy.set(path, null);
  }
}
