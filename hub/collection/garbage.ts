import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { blobOfKey, mapOfKey, markedFile } from '../store/file-keys.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectEntry, ObjectStore } from '../store/object-store.ts';
import type { Marks } from './marks.ts';

/** An object that nothing refers to. */
export interface Garbage {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** A file or a package map; else a small document about what is gone. */
  readonly isFile: boolean;
}

export interface Referring {
  readonly marks: Marks;
  /** The snapshots that stay. */
  readonly left: readonly Pick<SnapshotDocument, 'name' | 'content'>[];
  /** By the store's clock, milliseconds: what was written then or later stays. */
  readonly young: number;
}

/**
 * What may go, in the order in which it may: documents first, files then, and what is said of a file when the file is
 * gone, so that nothing that came with credentials lies open for a moment. Keys that this version does not make stay.
 */
export async function* garbage(store: ObjectStore, { marks, left, young }: Referring): AsyncGenerator<Garbage> {
  const names = new Set(left.map(({ name }) => name));
  const origins = new Set(left.map(({ name, content }) => keysOf.origins(name, content)));
  async function* old(prefix: string): AsyncGenerator<ObjectEntry> {
    for await (const entry of store.list(prefix)) if (entry.written < young) yield entry;
  }
  for await (const { key, size } of old(keysOf.originsAll)) if (!origins.has(key)) yield { key, size, isFile: false };
  for (const prefix of [keysOf.notesAll, keysOf.reports])
    for await (const { key, size } of old(prefix))
      if (!names.has(nameIn(key.slice(prefix.length)))) yield { key, size, isFile: false };
  for await (const { key, size } of old(keysOf.maps)) {
    const primary = mapOfKey(key);
    if (primary !== null && !marks.hasMap(primary)) yield { key, size, isFile: true };
  }
  for await (const { key, size } of old(keysOf.blobs)) {
    const file = blobOfKey(key);
    if (file !== null && !marks.has(file)) yield { key, size, isFile: true };
  }
  for (const prefix of [keysOf.closedAll, keysOf.proofs])
    for await (const { key, size } of old(prefix)) {
      const digest = markedFile(key);
      if (digest === null || marks.hasDigest(digest)) continue;
      if ((await store.has(keysOf.blob(digest))) === null) yield { key, size, isFile: false };
    }
}

/** The name of a snapshot at the beginning of `<name>.json` or `<name>/…`. */
function nameIn(rest: string): string {
  const [first = '', ...more] = rest.split('/');
  return more.length === 0 ? first.replace(/\.json$/, '') : first;
}
