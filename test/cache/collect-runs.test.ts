import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { Claims } from '../../cache/blobs/claims.ts';
import { holdsAllPackages } from '../../cache/blobs/holdings.ts';
import {
  allHeld,
  countedRight,
  isHeld,
  isMapHeld,
  patient,
  published,
  storedPackage,
  storedRepository,
  upkeepPieces,
} from './upkeep-pieces.ts';
import { noRuns, threeGenerations } from './collecting.ts';

describe('what a sync counts on', () => {
  test('stays, fetched, found or kept, map and all, until its run has ended and its generation refers to it', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const found = await storedPackage(store, 'found.rpm');
    noRuns(store);
    store.claims.release();
    const lease = store.claims.beginRun('corp');
    expect(await store.sink.holds('open', found.listed)).toBe(true);
    const fetched = await storedPackage(store, 'fetched.rpm');
    const next = await storedRepository(store, [found, fetched]);
    // Passes and periods go by.
    for (let pass = 0; pass < 3; pass += 1) await store.collector.run(patient);
    expect(allHeld(store, next, [found, fetched])).toBe(true);
    await published(store, 4, next);
    lease.end({});
    for (let pass = 0; pass < 3; pass += 1) await store.collector.run(patient);
    expect(allHeld(store, next, [found, fetched])).toBe(true);
  });

  test('goes when the run ended without publishing it, also while another run goes on', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const lease = store.claims.beginRun('corp');
    const dropped = await storedRepository(store, []);
    await store.collector.run(patient);
    const longer = store.claims.beginRun('other');
    const needed = await storedPackage(store, 'needed.rpm');
    lease.end({});
    await store.collector.run(patient);
    expect([allHeld(store, dropped), isMapHeld(store, dropped.map)]).toEqual([false, false]);
    for (let pass = 0; pass < 3; pass += 1) await store.collector.run(patient);
    expect(isHeld(store, needed.listed)).toBe(true);
    longer.end({});
    await store.collector.run(patient);
    expect(isHeld(store, needed.listed)).toBe(false);
    await countedRight(store);
  });

  test('stays when it was proven but not published, until the next run says otherwise', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const lease = store.claims.beginRun('corp');
    const [pkg] = [await storedPackage(store, 'one.rpm')];
    const proven = await storedRepository(store, [pkg]);
    lease.end({ 'site/base': proven });
    for (let pass = 0; pass < 3; pass += 1) await store.collector.run(patient);
    expect(allHeld(store, proven, [pkg])).toBe(true);
    noRuns(store);
    await store.collector.run(patient);
    expect(allHeld(store, proven, [pkg])).toBe(false);
  });

  test('stays when it was claimed before the index knew it', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const found = await storedPackage(store, 'found.rpm');
    // As it is while names are still being counted.
    const claims = new Claims(store.marks);
    store.index.delete('open', found.listed.digest);
    const lease = claims.beginRun('corp');
    claims.claim('open', found.listed.digest);
    store.index.add('open', found.listed);
    claims.indexed();
    claims.release();
    store.marks.begin();
    expect([...store.marks.unmarked()].map((blob) => blob?.digest)).not.toContain(found.listed.digest);
    lease.end({});
  });

  test('is claimed as a whole before it is said to be all there', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const packages = [await storedPackage(store, 'a.rpm'), await storedPackage(store, 'b.rpm')];
    const document = await storedRepository(store, packages);
    noRuns(store);
    store.claims.release();
    const lease = store.claims.beginRun('corp');
    store.claims.claimMap(document.map!);
    const ask = () => holdsAllPackages({ path: 'site/base', document, ...store });
    expect(await ask()).toBe(true);
    await store.collector.run(patient);
    expect(packages.every(({ listed }) => isHeld(store, listed))).toBe(true);
    await rm(store.layout.blob('open', packages[0]!.listed));
    (await store.blobs.open('open', packages[0]!.listed))?.release();
    expect(await ask()).toBe(false);
    lease.end({});
  });

  test('is claimed behind what is missing, too: room for the one is not made by the other', async () => {
    await using store = await upkeepPieces();
    const packages = [await storedPackage(store, 'a.rpm'), await storedPackage(store, 'b.rpm')];
    const document = await storedRepository(store, packages);
    noRuns(store);
    store.claims.release();
    await rm(store.layout.blob('open', packages[0]!.listed));
    (await store.blobs.open('open', packages[0]!.listed))?.release();
    // Nothing refers to it: an interrupted run left it.
    await store.collector.run(patient, false);
    expect(store.claims.mayEvict('open', packages[1]!.listed.digest)).toBe(true);
    const lease = store.claims.beginRun('corp');
    expect(await holdsAllPackages({ path: 'site/base', document, ...store })).toBe(false);
    expect(store.claims.mayEvict('open', packages[1]!.listed.digest)).toBe(false);
    lease.end({});
  });
});
