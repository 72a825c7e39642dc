import type { EventEmitter } from 'node:events';

/** Something that happens now and then, and those who wait for it. */
export class Changes {
  /** How often it has happened. */
  count = 0;
  readonly #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  happened(): void {
    this.count += 1;
    for (const wake of this.#waiting) wake();
  }

  /**
   * Resolves with true once it has happened more often than `count`; with false after `milliseconds`, or when `connection`
   * closes. Nothing stays behind in any case.
   */
  after(count: number, milliseconds: number, connection: EventEmitter): Promise<boolean> {
    if (this.count > count) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (happened: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        connection.off('close', leave);
        resolve(happened);
      };
      const wake = (): void => settle(true);
      const leave = (): void => settle(false);
      const timer = setTimeout(leave, milliseconds);
      this.#waiting.add(wake);
      connection.once('close', leave);
    });
  }
}
