import { randomBytes } from 'node:crypto';
import { dirname, join, sep } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { digestOf, hexOf } from '../../base/digest.ts';
import { invariant, systemCode, WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk, ReadableFile } from '../../disk/disk.ts';
import { DurableNames } from '../../disk/durable-names.ts';
import { GroupCommit } from '../../disk/group-commit.ts';
import { isKey, smallObject, wholeObject } from './object-store.ts';
import type { NewObject, ObjectEntry, ObjectStore, OpenObject, StoredObject, Version } from './object-store.ts';

/** Where objects lie until they are whole. No key begins with a dot. */
const incoming = '.incoming';
/** A name that is older than the last sync of its folder by so much is covered by it. Milliseconds. */
const settling = 2_000;

/** Excludes every other change of objects that exist, of this process and of others on this machine. */
export interface StoreLock {
  /** Runs `work` alone. @throws what `work` throws, and `store_busy` when its turn does not come. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export interface DirectoryStoreOptions {
  /** Absolute; made when absent. */
  readonly root: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly lock: StoreLock;
}

/**
 * A store in a directory: an object's key is its path, so that any web server, backup or rsync can read it. Objects are
 * written aside, synced and linked to their names, in groups (`disk/group-commit.ts`). Several processes of one machine
 * may use it at a time.
 */
export class DirectoryStore implements ObjectStore {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #lock: StoreLock;
  readonly #names: DurableNames;
  readonly #group: GroupCommit;
  /** Folder → wall clock just before its last sync. */
  readonly #synced = new Map<string, number>();

  constructor({ root, disk, clock, lock }: DirectoryStoreOptions) {
    this.#root = root;
    this.#disk = disk;
    this.#clock = clock;
    this.#lock = lock;
    this.#names = new DurableNames(disk, root);
    this.#group = new GroupCommit(disk, root);
  }

  async get(key: string, most = smallObject): Promise<StoredObject | null> {
    const path = this.#path(key);
    const file = await this.#opened(path);
    if (file === null) return null;
    try {
      if (file.size > most) throw new WaystationError('store_damaged', `${key} is larger than ${most} bytes`);
      const bytes = Buffer.alloc(file.size);
      for (let at = 0; at < bytes.length;) {
        const count = await this.#call(path, () => file.read(bytes.subarray(at), at, bytes.length - at));
        if (count === 0) throw new WaystationError('store_damaged', `${key} was cut while it was read`);
        at += count;
      }
      return { bytes, version: versionOf(bytes) };
    } finally {
      await file.close();
    }
  }

  put(key: string, bytes: Buffer): Promise<Version> {
    return this.#lock.alone(() => this.#replace(key, bytes));
  }

  putIfMatch(key: string, bytes: Buffer, version: Version): Promise<Version | null> {
    return this.#lock.alone(async () => {
      const before = await this.get(key);
      return before?.version === version ? this.#replace(key, bytes) : null;
    });
  }

  async putIfAbsent(key: string, object: NewObject): Promise<boolean> {
    const path = this.#path(key);
    if ((await this.has(key)) !== null) return false;
    let absent = true;
    await this.#received(object, (part) =>
      this.#group.add({
        sync: part.sync,
        name: async () => {
          await this.#names.makeFolder(dirname(path));
          await this.#disk.link(part.path, path).catch((error: unknown) => {
            if (systemCode(error) !== 'EEXIST') throw diskError(error, path);
            absent = false;
          });
          return dirname(path);
        },
      }),
    );
    return absent;
  }

  async has(key: string): Promise<number | null> {
    const path = this.#path(key);
    const facts = await this.#call(path, () => this.#disk.facts(path));
    if (facts === null || facts.folder) return null;
    // Who named it may not have synced that yet, or was killed before it could.
    if (facts.changed + settling > (this.#synced.get(dirname(path)) ?? -Infinity)) await this.#settle(dirname(path));
    return facts.size;
  }

  async *list(prefix: string): AsyncGenerator<ObjectEntry> {
    invariant(prefix === '' || (prefix.endsWith('/') && isKey(prefix.slice(0, -1))), `${prefix} is a prefix of keys`);
    yield* this.#below(prefix);
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await this.#lock.alone(() => this.#call(path, () => this.#disk.unlink(path)));
  }

  async open(key: string): Promise<OpenObject | null> {
    const path = this.#path(key);
    const file = await this.#opened(path);
    if (file === null) return null;
    return {
      size: file.size,
      read: async (buffer, position, length) => {
        const count = await this.#call(path, () => file.read(buffer, position, length));
        if (count === 0 && length > 0) throw new WaystationError('store_damaged', `${key} was cut while it was read`);
        return count;
      },
      release: () => void file.close().catch(() => {}),
    };
  }

  /** Removes what writers that were killed left aside, `age` milliseconds ago or more. */
  async tidy(age: number): Promise<void> {
    const folder = join(this.#root, incoming);
    for (const name of await this.#call(folder, () => this.#disk.list(folder))) {
      const path = join(folder, name);
      const facts = await this.#call(path, () => this.#disk.facts(path));
      if (facts !== null && facts.changed <= this.#clock.now() - age)
        await this.#call(path, () => this.#disk.unlink(path));
    }
  }

  /** null: there is no such file; a folder is none. */
  async #opened(path: string): Promise<ReadableFile | null> {
    const file = await this.#call(path, () => this.#disk.openRead(path));
    if (file?.folder !== true) return file;
    await file.close();
    return null;
  }

  /** Written aside as a whole, then renamed over what was there. */
  async #replace(key: string, bytes: Buffer): Promise<Version> {
    const path = this.#path(key);
    await this.#received(wholeObject(bytes), async (part) => {
      await part.sync();
      await this.#names.makeFolder(dirname(path));
      await this.#disk.rename(part.path, path);
      await this.#disk.syncFolder(dirname(path));
    });
    return versionOf(bytes);
  }

  /** Has a file of these bytes named by `name`; nothing of it stays aside. */
  async #received(
    object: NewObject,
    name: (part: { readonly path: string; readonly sync: () => Promise<void> }) => Promise<void>,
  ): Promise<void> {
    const path = join(this.#root, incoming, randomBytes(12).toString('hex'));
    await this.#call(path, () => this.#names.makeFolder(dirname(path)));
    const file = await this.#call(path, () => this.#disk.openPart(path));
    try {
      let length = 0;
      for await (const chunk of object.chunks) {
        await this.#call(path, () => file.write([chunk], length));
        length += chunk.length;
      }
      invariant(length === object.size, `an object brings the ${object.size} bytes that it promised, not ${length}`);
      await this.#call(path, () => name({ path, sync: () => file.sync() }));
    } catch (error) {
      this.#names.doubt();
      throw error;
    } finally {
      await file.close();
      await this.#disk.unlink(path).catch(() => {});
    }
  }

  /** Keys sort by their characters, so a file comes before a folder whose name goes on behind the same letters. */
  async *#below(prefix: string): AsyncGenerator<ObjectEntry> {
    const folder = join(this.#root, prefix);
    const names = await this.#call(folder, () => this.#disk.list(folder));
    const found: { readonly key: string; readonly size: number; readonly written: number; readonly folder: boolean }[] =
      [];
    for (const name of names) {
      if (!isKey(name)) continue;
      const facts = await this.#call(folder, () => this.#disk.facts(join(folder, name)));
      if (facts === null) continue;
      const key = `${prefix}${name}${facts.folder ? '/' : ''}`;
      found.push({ key, size: facts.size, written: facts.changed, folder: facts.folder });
    }
    for (const { key, size, written, folder: isFolder } of found.toSorted(byKey)) {
      if (isFolder) yield* this.#below(key);
      else yield { key, size, written };
    }
  }

  /** Makes the names in a folder durable; the first time also those of the folders above it. */
  async #settle(folder: string): Promise<void> {
    const began = this.#clock.now();
    if (!this.#synced.has(folder) && folder !== this.#root) await this.#settle(dirname(folder));
    await this.#call(folder, () => this.#disk.syncFolder(folder));
    this.#synced.set(folder, began);
  }

  #path(key: string): string {
    invariant(isKey(key), `${key} is a key`);
    return join(this.#root, ...key.split('/'));
  }

  async #call<T>(path: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw systemCode(error) === null ? error : diskError(error, path.slice(dirname(this.#root).length + sep.length));
    }
  }
}

function byKey(one: { readonly key: string }, other: { readonly key: string }): number {
  return one.key < other.key ? -1 : 1;
}

function versionOf(bytes: Buffer): Version {
  return hexOf(digestOf(bytes));
}
