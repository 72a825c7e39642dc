import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Newest } from '../../cache/upkeep/rules.ts';
import { isMapHeld, patient, published, storedPackage, storedRepository, upkeepPieces } from './upkeep-pieces.ts';
import type { StoredPackage, UpkeepPieces } from './upkeep-pieces.ts';

const newest: Newest = { versions: 2, map: digestOf('the newest two') };

/** A published repository with two packages of which one is among the newest; no run counts on anything. */
async function repository(store: UpkeepPieces) {
  const [old, fresh] = [await storedPackage(store, 'old.rpm'), await storedPackage(store, 'fresh.rpm')];
  const document = await storedRepository(store, [old, fresh]);
  await store.sink.writeMap(newest.map, async (to) => to.add(fresh));
  await published(store, 1, document);
  noRuns(store);
  return { old, fresh, document };
}

function noRuns({ claims }: UpkeepPieces): void {
  claims.beginRun('corp').end({});
}

/** Which of the packages must not go to make room. */
function heldBack({ marks }: UpkeepPieces, packages: readonly StoredPackage[]): string[] {
  return packages.filter(({ listed }) => marks.isHeldBack('open', listed.digest)).map(({ href }) => href);
}

test('the newest packages of what is served must not be evicted, the others may', async () => {
  await using store = await upkeepPieces();
  store.configured.newest = newest;
  const { old, fresh } = await repository(store);
  expect(store.marks.protectionKnown).toBe(false);
  await store.collector.run(patient);
  expect(store.marks.protectionKnown).toBe(true);
  expect(heldBack(store, [old, fresh])).toEqual(['fresh.rpm']);
  // Also when nothing counts on it any more, its map stays for the next pass.
  noRuns(store);
  await store.collector.run(patient);
  expect(isMapHeld(store, newest.map)).toBe(true);
  expect(heldBack(store, [old, fresh])).toEqual(['fresh.rpm']);
});

test('with another policy the packages stay, but may be evicted; their map goes', async () => {
  await using store = await upkeepPieces();
  store.configured.newest = newest;
  const { old, fresh, document } = await repository(store);
  await store.collector.run(patient);
  store.configured.newest = null;
  noRuns(store);
  await store.collector.run(patient);
  expect(heldBack(store, [old, fresh])).toEqual([]);
  expect([isMapHeld(store, newest.map), isMapHeld(store, document.map)]).toEqual([false, true]);
});

test('what only an earlier generation has may be evicted', async () => {
  await using store = await upkeepPieces();
  store.configured.newest = newest;
  const { old, fresh } = await repository(store);
  await published(store, 2, await storedRepository(store, [old]));
  await store.sink.writeMap(newest.map, async (to) => to.add(old));
  noRuns(store);
  await store.collector.run(patient);
  expect(heldBack(store, [old, fresh])).toEqual(['old.rpm']);
});

test('while it is not known which are the newest, nothing may be evicted that was not allowed to go before', async () => {
  await using store = await upkeepPieces();
  store.configured.newest = newest;
  const { fresh } = await repository(store);
  await rm(store.layout.map(newest.map));
  await store.maps.remove(newest.map).catch(() => {});
  await store.collector.run(patient);
  expect(store.marks.protectionKnown).toBe(false);
  await store.sink.writeMap(newest.map, async (to) => to.add(fresh));
  await store.collector.run(patient);
  expect(store.marks.protectionKnown).toBe(true);
  expect(heldBack(store, [fresh])).toEqual(['fresh.rpm']);
});
