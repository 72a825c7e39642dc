import { expect } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { PlainEnd, PlainPlace, PlainRequest } from '../../base/plain-get.ts';
import { Maps } from '../../cache/maps.ts';
import { CacheSink } from '../../cache/sink.ts';
import { FetchingDisk } from '../support/fetching-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { bytesBelow, pieces } from './pieces.ts';
import type { Pieces } from './pieces.ts';

const place: PlainPlace = { host: 'origin.example', port: 80, secure: false, fields: 'host: origin.example\r\n\r\n' };

/** Whose files a disk may fetch; what the loader was told, in order. */
export class PlainLoader extends ScriptedLoader {
  readonly told: string[] = [];
  readonly ends: PlainEnd[] = [];

  plain(): PlainRequest {
    return { place, target: '/file', source: 'http://origin.example/file', ended: (end) => void this.ends.push(end) };
  }

  received(): void {
    this.told.push('received');
  }

  done(): void {
    this.told.push('done');
  }

  hurry(): void {
    this.told.push('hurry');
  }
}

/** Pieces of a store whose disk takes fetches, and the sink of its syncs. */
export interface FetchingStore extends Pieces {
  readonly fetching: FetchingDisk;
  readonly log: LogLines;
  readonly sink: CacheSink;
}

/** @param options of the disk, with the room of the store. */
export async function fetching(
  options: ConstructorParameters<typeof FetchingDisk>[0] & Pick<Parameters<typeof pieces>[0] & {}, 'limits'> = {},
): Promise<FetchingStore> {
  const disk = new FetchingDisk(options);
  const log = new LogLines();
  const store = await pieces({ disk, log, ...(options.limits && { limits: options.limits }) });
  // As in a service that runs: who has to wait until the room is measured, or for what is held, does not fetch.
  await store.space.measure();
  const { layout, blobs, claims, fills, space, index } = store;
  index.complete = true;
  const maps = new Maps(disk, layout);
  const sink = new CacheSink({ disk, layout, blobs, fills, maps, space, room: space, claims });
  return { ...store, fetching: disk, log, sink };
}

/** The file is held, durably; what is counted is what is there, and no part is left. */
export async function expectHeld(store: FetchingStore, listed: Listed): Promise<void> {
  expect([await store.blobs.holds('open', listed), store.index.has('open', listed.digest)]).toEqual([true, true]);
  await expectTidy(store);
  expect(store.space.used).toBeGreaterThanOrEqual(listed.size);
}

/** What is counted is what is there, and no part is left. */
export async function expectTidy({ space, layout }: FetchingStore): Promise<void> {
  expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs), 0]);
  expect(await bytesBelow(layout.parts)).toBe(0);
}
