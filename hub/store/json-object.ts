import type { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';
import type { ObjectStore, Version } from './object-store.ts';

/** A document of the store as it was read, and what it was then. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: Version;
}

/** Reads a JSON document; null when there is none. @throws WaystationError `store_damaged` when it is no such document. */
export async function readJson<Schema extends z.ZodType>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<Versioned<z.output<Schema>> | null> {
  const object = await store.get(key);
  if (object === null) return null;
  try {
    return { value: schema.parse(JSON.parse(object.bytes.toString())), version: object.version };
  } catch (cause) {
    throw new WaystationError('store_damaged', `${key} is not readable`, { cause });
  }
}

/** A document as it is stored: for people to read, too. */
export function jsonBytes(document: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
