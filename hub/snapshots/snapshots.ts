import { verified } from '../../protocol/signed.ts';
import { isSnapshotName, snapshotDocument } from '../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { WaystationError } from '../../base/errors.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** The snapshots of a store. What is not signed by a key of this hub is none. */
export class Snapshots {
  readonly #store: ObjectStore;
  readonly #keys: Pick<SigningKeys, 'published'>;

  constructor(store: ObjectStore, keys: Pick<SigningKeys, 'published'>) {
    this.#store = store;
    this.#keys = keys;
  }

  /** null: there is none of that name. @throws WaystationError `untrusted`, `bad_request` for what is no name. */
  async find(name: string): Promise<SnapshotDocument | null> {
    if (!isSnapshotName(name)) throw new WaystationError('bad_request', `${name} is no name of a snapshot`);
    const object = await this.#store.get(keysOf.snapshot(name));
    return object === null ? null : this.#read(object.bytes);
  }

  /** @throws WaystationError `unknown_snapshot` */
  async need(name: string): Promise<SnapshotDocument> {
    const found = await this.find(name);
    if (found === null) throw new WaystationError('unknown_snapshot', `no snapshot is called ${name}`);
    return found;
  }

  /** All of them, by name. */
  async *list(): AsyncGenerator<SnapshotDocument> {
    for await (const { key } of this.#store.list(keysOf.snapshots)) {
      const object = await this.#store.get(key);
      if (object !== null && key.endsWith('.jws')) yield await this.#read(object.bytes);
    }
  }

  /** @returns false when there is one of that name already. */
  add(name: string, text: string): Promise<boolean> {
    return this.#store.putIfAbsent(keysOf.snapshot(name), wholeObject(Buffer.from(text)));
  }

  /** Takes one away. Who does that knows that nothing points to it. */
  remove(name: string): Promise<void> {
    return this.#store.delete(keysOf.snapshot(name));
  }

  #read(bytes: Buffer): Promise<SnapshotDocument> {
    return verified(bytes.toString(), { kind: 'snapshot', keys: this.#keys.published, schema: snapshotDocument });
  }
}
