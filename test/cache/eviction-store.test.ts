import { expect, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { OpenedFill } from '../../cache/fills/opened.ts';
import type { Store } from '../../cache/store.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { openedStore } from './opened-store.ts';
import { file, mebibyte, readAll, readPart } from './pieces.ts';

/** A store with room for so many bytes that knows what may be evicted. */
async function small(root: string, max: number): Promise<Store> {
  const store = await openedStore(root, { limits: { max: () => max, keepFree: () => 0 } });
  store.upkeep.begin();
  while (!store.marks.protectionKnown) await new Promise((resolve) => setTimeout(resolve, 5));
  return store;
}

function asked(store: Store, { bytes, listed }: { bytes: Buffer; listed: Listed }): Promise<OpenedFill> {
  return store.fills.open({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, 0);
}

async function settled(store: Store): Promise<void> {
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a file that a slow client still reads as it came is not evicted: its room would not be free', async () => {
  await using folder = await temporaryDirectory();
  const store = await small(folder.path, 4 * mebibyte);
  const [first, second, third] = [file(3 * mebibyte), file(3 * mebibyte), file(3 * mebibyte)];
  const slow = await asked(store, first);
  expect(slow.outcome).toBe('miss');
  const begin = await readPart(slow.source, 0, 1000);
  await settled(store);
  const other = await asked(store, second);
  expect(other.outcome).toBe('bypass');
  expect((await readAll(other.source)).bytes.equals(second.bytes)).toBe(true);
  expect(await store.blobs.holds('open', first.listed)).toBe(true);
  const rest = await readAll(slow.source, { start: 1000 });
  expect(Buffer.concat([begin, rest.bytes]).equals(first.bytes)).toBe(true);
  const last = await asked(store, third);
  expect(last.outcome).toBe('miss');
  expect((await readAll(last.source)).bytes.equals(third.bytes)).toBe(true);
  await settled(store);
  expect(await store.blobs.holds('open', first.listed)).toBe(false);
  await store.close();
});

test('status says what stays, what may go, and what goes next since when', async () => {
  await using folder = await temporaryDirectory();
  const store = await small(folder.path, 10_000);
  const [stays, goes] = [file(3_000), file(4_000)];
  for (const { bytes, listed } of [stays, goes])
    await store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), new AbortController().signal);
  await settled(store);
  // Both are counted on by the syncs that fetched them, until a pass lets them go.
  expect(await store.status()).toMatchObject({ pinnedBytes: 7_000, evictableBytes: 0, next: null });
  store.marks.releaseRuns();
  store.marks.divideRuns();
  store.marks.releaseRuns();
  store.marks.begin();
  store.marks.end();
  store.marks.protect('open', stays.listed.digest);
  const { pinnedBytes, evictableBytes, reservedBytes, next, reason } = await store.status();
  expect([pinnedBytes, evictableBytes, reservedBytes, reason]).toEqual([3_000, 4_000, 0, null]);
  expect([next?.digest, next?.bytes]).toEqual([goes.listed.digest, 4_000]);
  expect(Math.abs(Date.parse(next?.since ?? '') - Date.now())).toBeLessThan(60_000);
  expect((await store.status()).next).toEqual(next);
  await store.close();
});
