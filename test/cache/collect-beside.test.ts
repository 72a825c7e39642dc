import { describe, expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { file, idle } from './pieces.ts';
import {
  countedRight,
  isHeld,
  isMapHeld,
  patient,
  published,
  storedPackage,
  storedRepository,
  upkeepPieces,
} from './upkeep-pieces.ts';
import { noRuns, stoppingAt, threeGenerations, turns } from './collecting.ts';

describe('beside a pass', () => {
  test('a file that a sync looks for while it is being removed is not said to be held', async () => {
    await using folder = await temporaryDirectory();
    const gate = new Gate();
    let stop = '';
    const disk = stoppingAt(gate, (path) => path === stop);
    await using store = await upkeepPieces({ root: folder.path, disk });
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    await idle(store);
    stop = store.layout.blob('open', old.listed);
    const pass = store.collector.run(patient);
    await gate.reached;
    const lease = store.claims.beginRun('corp');
    const held = store.sink.holds('open', old.listed);
    const ensured = store.sink.ensure('open', old.listed, new ScriptedLoader([{ bytes: old.bytes }]), patient);
    await turns(300);
    gate.open();
    expect(await held).toBe(false);
    await ensured;
    await pass;
    expect(isHeld(store, old.listed)).toBe(true);
    lease.end({});
    await countedRight(store);
  });

  test('a file that a sync counts on right before its turn stays', async () => {
    await using folder = await temporaryDirectory();
    const gate = new Gate();
    let first = true;
    const disk = stoppingAt(gate, (path) => path.includes('/blobs/') && first && !(first = false));
    await using store = await upkeepPieces({ root: folder.path, disk });
    await threeGenerations(store);
    const candidates = [];
    for (let number = 0; number < 8; number += 1) candidates.push(await storedPackage(store, `${number}.rpm`));
    noRuns(store);
    const pass = store.collector.run(patient);
    await gate.reached;
    const lease = store.claims.beginRun('corp');
    const held = await Promise.all(candidates.slice(1).map(async ({ listed }) => store.sink.holds('open', listed)));
    gate.open();
    await pass;
    expect(candidates.slice(1).map(({ listed }) => isHeld(store, listed))).toEqual(held);
    expect(held).toContain(true);
    lease.end({});
  });

  test('a generation that is published in its midst has its packages, on demand as they are', async () => {
    await using folder = await temporaryDirectory();
    const gate = new Gate();
    let first = true;
    const disk = stoppingAt(gate, (path) => path.includes('/blobs/') && first && !(first = false));
    await using store = await upkeepPieces({ root: folder.path, disk });
    await threeGenerations(store);
    const packages = [];
    for (let number = 0; number < 8; number += 1) packages.push(await storedPackage(store, `${number}.rpm`));
    noRuns(store);
    store.claims.release();
    const lease = store.claims.beginRun('corp');
    const next = await storedRepository(store, packages);
    const pass = store.collector.run(patient);
    await gate.reached;
    await published(store, 4, next);
    lease.end({});
    gate.open();
    await pass;
    expect(packages.filter(({ listed }) => !isHeld(store, listed))).toHaveLength(1);
    await countedRight(store);
  });

  test('a fill that is under way is named, and a client of it is given every byte', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const { bytes, listed } = file(100_000);
    const gate = new Gate();
    const loader = new ScriptedLoader([{ bytes, stall: { at: 50_000, gate } }]);
    const ensured = store.sink.ensure('open', listed, loader, patient);
    await gate.reached;
    await store.collector.run(patient);
    gate.open();
    await ensured;
    expect(isHeld(store, listed)).toBe(true);
    await countedRight(store);
  });

  test('a file between its name and the end of its fetch stays, whatever passes go by', async () => {
    await using folder = await temporaryDirectory();
    const gate = new Gate();
    const { bytes, listed } = file(5_000);
    let stop = '';
    const syncFolder: Disk['syncFolder'] = async (path) => {
      if (path === stop) await passed(gate);
      await systemDisk.syncFolder(path);
    };
    await using store = await upkeepPieces({ root: folder.path, disk: { ...systemDisk, syncFolder } });
    await threeGenerations(store);
    const lease = store.claims.beginRun('corp');
    await systemDisk.makeFolder(store.layout.blobFolder('open', listed.digest));
    stop = store.layout.blobFolder('open', listed.digest);
    const ensured = store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    await gate.reached;
    for (let pass = 0; pass < 2; pass += 1) await store.collector.run(patient);
    gate.open();
    await ensured;
    for (let pass = 0; pass < 2; pass += 1) await store.collector.run(patient);
    expect(isHeld(store, listed)).toBe(true);
    lease.end({});
  });

  test('a file that has its name stays until what refers to it is written', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const { bytes, listed } = file(5_000);
    const gate = new Gate();
    const writing = store.claims.during('open', listed.digest, async () => {
      await store.fills.ensure({ scope: 'open', listed, loader: () => new ScriptedLoader([{ bytes }]) }, patient);
      await passed(gate);
    });
    await gate.reached;
    for (let pass = 0; pass < 2; pass += 1) await store.collector.run(patient);
    expect(isHeld(store, listed)).toBe(true);
    gate.open();
    await writing;
    await store.collector.run(patient);
    expect(isHeld(store, listed)).toBe(false);
  });

  test('a removal asks whether it may when nobody can come in between any more', async () => {
    await using store = await upkeepPieces();
    const { listed } = await storedPackage(store, 'one.rpm');
    let wanted = false;
    const removal = store.blobs.remove('open', listed, () => !wanted);
    wanted = true;
    expect([await removal, isHeld(store, listed)]).toEqual([{ result: 'in-use' }, true]);
  });

  test('a sync is not told of a file by the fill that brought it, when that is gone since', async () => {
    await using store = await upkeepPieces();
    const { listed, bytes } = await storedPackage(store, 'one.rpm');
    expect(store.fills.active).toBe(1);
    expect(await store.blobs.remove('open', listed)).toMatchObject({ result: 'removed' });
    const ensured = store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    await turns(300);
    await idle(store);
    await ensured;
    expect(isHeld(store, listed)).toBe(true);
  });

  test('a map that is made while its like is being removed is there afterwards', async () => {
    await using folder = await temporaryDirectory();
    const gate = new Gate();
    let stop = '';
    await using store = await upkeepPieces({ root: folder.path, disk: stoppingAt(gate, (path) => path === stop) });
    const { first, old } = await threeGenerations(store);
    await store.retirement.run(patient);
    stop = store.layout.map(first.map!);
    const pass = store.collector.run(patient);
    await gate.reached;
    const lease = store.claims.beginRun('corp');
    const known = store.sink.map(first.map!);
    const made = store.sink.writeMap(first.map!, async (to) => {
      to.add(old);
    });
    await turns(20_000);
    gate.open();
    await pass;
    await made;
    expect(isMapHeld(store, first.map)).toBe(true);
    expect([null, 1]).toContain((await known)?.packages ?? null);
    await store.collector.run(patient);
    expect(isMapHeld(store, first.map)).toBe(true);
    lease.end({});
  });
});
