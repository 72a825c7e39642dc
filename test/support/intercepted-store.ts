import { WaystationError } from '../../base/errors.ts';
import type {
  NewObject,
  ObjectEntry,
  ObjectStore,
  OpenObject,
  StoredObject,
  Version,
} from '../../hub/store/object-store.ts';

/** A real store with somebody between: `before` is awaited before each call and may throw, as a store that fails does. */
export class InterceptedStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #before: (call: keyof ObjectStore, key: string) => Promise<void>;
  readonly #seen: (entry: ObjectEntry) => ObjectEntry;

  /** @param seen what a listing shows of an entry. */
  constructor(
    store: ObjectStore,
    before: (call: keyof ObjectStore, key: string) => Promise<void>,
    seen: (entry: ObjectEntry) => ObjectEntry = (entry) => entry,
  ) {
    this.#store = store;
    this.#before = before;
    this.#seen = seen;
  }

  /** Ends with the process at the nth call: that and all later ones fail. */
  static dyingAt(store: ObjectStore, n: number): InterceptedStore & { readonly calls: () => number } {
    let calls = 0;
    const dying = new InterceptedStore(store, async () => {
      calls += 1;
      if (calls >= n) throw new WaystationError('disk_failing', 'the process is gone');
    });
    return Object.assign(dying, { calls: () => calls });
  }

  async get(key: string, most?: number): Promise<StoredObject | null> {
    await this.#before('get', key);
    return this.#store.get(key, most);
  }

  async put(key: string, bytes: Buffer): Promise<Version> {
    await this.#before('put', key);
    return this.#store.put(key, bytes);
  }

  async putIfAbsent(key: string, object: NewObject): Promise<boolean> {
    await this.#before('putIfAbsent', key);
    return this.#store.putIfAbsent(key, object);
  }

  async putIfMatch(key: string, bytes: Buffer, version: Version): Promise<Version | null> {
    await this.#before('putIfMatch', key);
    return this.#store.putIfMatch(key, bytes, version);
  }

  async *list(prefix: string): AsyncGenerator<ObjectEntry> {
    await this.#before('list', prefix);
    for await (const entry of this.#store.list(prefix)) yield this.#seen(entry);
  }

  async delete(key: string): Promise<void> {
    await this.#before('delete', key);
    return this.#store.delete(key);
  }

  async has(key: string): Promise<number | null> {
    await this.#before('has', key);
    return this.#store.has(key);
  }

  async open(key: string): Promise<OpenObject | null> {
    await this.#before('open', key);
    return this.#store.open(key);
  }
}
