import type { ByteSource } from '../../base/body.ts';

/** What a pointer was when it was read. Equal versions of one key mean equal bytes; nothing else can be told from it. */
export type Version = string;

/** A small object as a whole. */
export interface StoredObject {
  readonly bytes: Buffer;
  readonly version: Version;
}

/** An object that is read in parts. `size` is its length in bytes. Released once, always. */
export interface OpenObject extends ByteSource {
  readonly size: number;
}

/** Bytes on their way into the store. */
export interface NewObject {
  /** Length in bytes, as known beforehand. */
  readonly size: number;
  /** The bytes in order, once. When it throws, or brings another length, nothing is stored. */
  readonly chunks: AsyncIterable<Buffer>;
}

export interface ObjectEntry {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** When it was written, milliseconds since the epoch, by the store's own clock. */
  readonly written: number;
}

/**
 * Where a hub keeps everything: a directory, or a bucket. Two kinds of objects live in it: immutable ones, put once and
 * never changed (`putIfAbsent`), and small ones that point at them (`put`, `putIfMatch`). What a call that resolved has
 * written outlives a power cut and is seen by every later read of every process; a write that fails or is cut off leaves
 * the old object or the new one, whole. Every call throws WaystationError of source `disk` or `origin` when the store
 * cannot be reached, and asserts on a key that is none (`isKey`).
 */
export interface ObjectStore {
  /** A small object, null when there is none. @throws WaystationError `store_damaged` when it is larger than `most`. */
  get(key: string, most?: number): Promise<StoredObject | null>;
  /** Puts an object in the place of whatever was there. */
  put(key: string, bytes: Buffer): Promise<Version>;
  /** Puts an object where none is. @returns false, and leaves what is there, when there is one. */
  putIfAbsent(key: string, object: NewObject): Promise<boolean>;
  /** Replaces an object that is as it was read. @returns null, and leaves what is there, when it is not. */
  putIfMatch(key: string, bytes: Buffer, version: Version): Promise<Version | null>;
  /** Every object whose key begins with `prefix` (whole segments: it ends with `/`, or is empty), in the order of keys. */
  list(prefix: string): AsyncIterable<ObjectEntry>;
  /** Removes an object; one that is not there is removed already. It may come back after a power cut. */
  delete(key: string): Promise<void>;
  /**
   * The size of an object in bytes, null when there is none. What it finds outlives a power cut, whoever wrote it; what
   * the other calls find may be a moment younger than that.
   */
  has(key: string): Promise<number | null>;
  /** Opens an object to read any range of it; null when there is none. */
  open(key: string): Promise<OpenObject | null>;
}

/** Bytes of a small object: what `get` takes into memory unless told otherwise. */
export const smallObject = 16 * 1024 * 1024;

/**
 * Whether a text can be a key in every kind of store: segments of ASCII letters, digits, `.`, `_` and `-`, none of
 * which begins with a dot, joined by `/`. Servers differ in what else they normalise or refuse.
 */
export function isKey(text: string): boolean {
  return text.length <= 512 && /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(text);
}

/** The chunks of bytes that are there already. */
export function wholeObject(bytes: Buffer): NewObject {
  return {
    size: bytes.length,
    chunks: (async function* once() {
      yield bytes;
    })(),
  };
}
