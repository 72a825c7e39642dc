import type { Clock } from '../../base/clock.ts';
import type { ObjectStore, Version } from '../store/object-store.ts';

/** Milliseconds for which an object may be written again and have the same time of writing. */
const settling = 2_000;

interface Watched {
  readonly size: number;
  readonly written: number;
  readonly bytes: Buffer;
  readonly version: Version;
  /** It was so young when it was read that it may be another by now. */
  readonly isYoung: boolean;
}

/** The small objects below a prefix, in memory: looked at as often as one likes, read only when they were written. */
export class WatchedFolder {
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #clock: Clock;
  #objects: ReadonlyMap<string, Watched> = new Map();

  constructor(store: ObjectStore, prefix: string, clock: Clock) {
    this.#store = store;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  /** Key → object, as they were last seen. */
  get objects(): ReadonlyMap<string, { readonly bytes: Buffer; readonly version: Version }> {
    return this.#objects;
  }

  /** Sees what was written since. */
  async look(): Promise<void> {
    const [before, seen] = [this.#objects, new Map<string, Watched>()];
    for await (const { key, size, written } of this.#store.list(this.#prefix)) {
      const known = before.get(key);
      if (known !== undefined && !known.isYoung && known.size === size && known.written === written) {
        seen.set(key, known);
        continue;
      }
      const isYoung = this.#clock.now() - written < settling;
      const object = await this.#store.get(key);
      if (object !== null) seen.set(key, { size, written, isYoung, ...object });
    }
    this.#objects = seen;
  }
}
