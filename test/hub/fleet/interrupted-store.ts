import type {
  NewObject,
  ObjectEntry,
  ObjectStore,
  OpenObject,
  StoredObject,
  Version,
} from '../../../hub/store/object-store.ts';

/** A store through which somebody writes who is stopped, for a while or for ever, just before a write. */
export class InterruptedStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #before: (write: number, key: string) => Promise<void>;
  /** Writes that were begun. */
  writes = 0;

  /** @param before asked before each write, counted from 1; when it throws, the write is not made. */
  constructor(store: ObjectStore, before: (write: number, key: string) => Promise<void>) {
    this.#store = store;
    this.#before = before;
  }

  get(key: string, most?: number): Promise<StoredObject | null> {
    return this.#store.get(key, most);
  }

  async put(key: string, bytes: Buffer): Promise<Version> {
    await this.#write(key);
    return this.#store.put(key, bytes);
  }

  async putIfAbsent(key: string, object: NewObject): Promise<boolean> {
    await this.#write(key);
    return this.#store.putIfAbsent(key, object);
  }

  async putIfMatch(key: string, bytes: Buffer, version: Version): Promise<Version | null> {
    await this.#write(key);
    return this.#store.putIfMatch(key, bytes, version);
  }

  list(prefix: string): AsyncIterable<ObjectEntry> {
    return this.#store.list(prefix);
  }

  async delete(key: string): Promise<void> {
    await this.#write(key);
    await this.#store.delete(key);
  }

  has(key: string): Promise<number | null> {
    return this.#store.has(key);
  }

  open(key: string): Promise<OpenObject | null> {
    return this.#store.open(key);
  }

  async #write(key: string): Promise<void> {
    this.writes += 1;
    await this.#before(this.writes, key);
  }
}

/** Cut off before the nth write: nothing is written from there on. */
export function cutBefore(n: number, store: ObjectStore): InterruptedStore {
  return new InterruptedStore(store, async (write) => {
    if (write >= n) throw new Error('cut off');
  });
}

/** Held before the nth write until `go`. */
export class HeldStore extends InterruptedStore {
  /** Resolves when somebody is held. */
  readonly held: Promise<void>;
  readonly go: () => void;

  constructor(n: number, store: ObjectStore) {
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    super(store, async (write) => {
      if (write !== n) return;
      reached.resolve();
      await released.promise;
    });
    this.held = reached.promise;
    this.go = released.resolve;
  }
}
