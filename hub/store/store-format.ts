import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';
import { keysOf } from './layout.ts';
import { wholeObject } from './object-store.ts';
import type { ObjectStore } from './object-store.ts';

/** The version of the layout that this version of the program writes. */
const layout = 1;

const format = z.object({ program: z.literal('waystation hub'), layout: z.int(), id: z.uuid() });

/** What a store is. */
export interface StoreFormat {
  /** Given once: two stores never have the same, a copy of one has. */
  readonly id: string;
}

/**
 * Makes a store of what is empty; one that is there already stays as it is.
 * @throws WaystationError `store_format_unknown` when it holds something else, which is not touched.
 */
export async function initStore(store: ObjectStore): Promise<StoreFormat> {
  if ((await store.has(keysOf.format)) === null) {
    for await (const { key } of store.list('')) {
      throw new WaystationError('store_format_unknown', `the store holds ${key}, and no FORMAT: it is not a hub's`);
    }
    const text = JSON.stringify({ program: 'waystation hub', layout, id: randomUUID() });
    await store.putIfAbsent(keysOf.format, wholeObject(Buffer.from(`${text}\n`)));
  }
  return readFormat(store);
}

/** @throws WaystationError `store_format_unknown` when it is no store of a hub, or of a layout that is not known. */
export async function readFormat(store: Pick<ObjectStore, 'get'>): Promise<StoreFormat> {
  const object = await store.get(keysOf.format);
  if (object === null) {
    throw new WaystationError('store_format_unknown', 'the store has no FORMAT: run `waystation hub init` first');
  }
  const read = format.safeParse(parsed(object.bytes.toString()));
  if (!read.success) throw new WaystationError('store_format_unknown', 'FORMAT is not that of a hub');
  if (read.data.layout !== layout) {
    const found = `the store has layout ${read.data.layout}, this version knows ${layout}`;
    throw new WaystationError('store_format_unknown', `${found}: use the version that wrote it, or a newer one`);
  }
  return { id: read.data.id };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
