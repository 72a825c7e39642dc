import { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';
import { keysOf } from './layout.ts';
import { jsonBytes } from './json-object.ts';
import type { ObjectStore } from './object-store.ts';

const document = z.object({ epoch: z.int().min(1) });

/**
 * Which life of the store this is: what hub and PoPs number is numbered inside an epoch, and a store that was restored
 * from a backup begins a new one.
 * @throws WaystationError `store_damaged`
 */
export async function readEpoch(store: ObjectStore): Promise<number> {
  const object = await store.get(keysOf.epoch);
  if (object === null) return 1;
  try {
    return document.parse(JSON.parse(object.bytes.toString())).epoch;
  } catch (cause) {
    throw new WaystationError('store_damaged', `${keysOf.epoch} is not readable`, { cause });
  }
}

/**
 * Begins a new epoch, larger than any before it: also than those that a restored store has lost, unless clocks went back.
 * @param now milliseconds since the epoch of Unix.
 */
export async function raiseEpoch(store: ObjectStore, now: number): Promise<number> {
  const epoch = Math.max((await readEpoch(store)) + 1, Math.floor(now / 1_000));
  await store.put(keysOf.epoch, jsonBytes({ epoch }));
  return epoch;
}
