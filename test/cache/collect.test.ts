import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import { Claims } from '../../cache/blobs/claims.ts';
import { flag } from '../../cache/blobs/entry-flags.ts';
import { holdsAllPackages } from '../../cache/blobs/holdings.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { file, idle, readPart } from './pieces.ts';
import {
  allHeld,
  countedRight,
  filesOf,
  isHeld,
  isMapHeld,
  patient,
  published,
  storedPackage,
  storedRepository,
  upkeepPieces,
} from './upkeep-pieces.ts';
import type { UpkeepPieces } from './upkeep-pieces.ts';

/** Three generations: the first has a package of its own, and one that it shares with the others; it is to go. */
async function threeGenerations(store: UpkeepPieces) {
  const [old, shared, fresh] = [
    await storedPackage(store, 'old.rpm'),
    await storedPackage(store, 'shared.rpm'),
    await storedPackage(store, 'fresh.rpm'),
  ];
  const first = await storedRepository(store, [old, shared]);
  const second = await storedRepository(store, [shared]);
  const third = await storedRepository(store, [shared, fresh]);
  await published(store, 1, first);
  await published(store, 2, second);
  await published(store, 3, third);
  return { old, shared, fresh, first, second, third };
}

/** A disk that stops before removing a file whose path fits, until the gate opens. */
function stoppingAt(gate: Gate, fits: (path: string) => boolean): Disk {
  const unlink: Disk['unlink'] = async (path) => {
    if (fits(path)) await passed(gate);
    await systemDisk.unlink(path);
  };
  return { ...systemDisk, unlink };
}

/** Ends all runs, so that nothing is held back but what documents refer to. */
function noRuns({ claims }: UpkeepPieces): void {
  claims.beginRun('corp').end({});
}

/** Lets happen what can without anything being opened: for what must wait. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate();
}

describe('what only a retired generation referred to', () => {
  test('goes: metadata, map and packages; everything else stays', async () => {
    await using store = await upkeepPieces();
    const { old, shared, fresh, first, second, third } = await threeGenerations(store);
    await store.collector.run(patient);
    expect(allHeld(store, first, [old, shared])).toBe(true);
    expect(await store.retirement.run(patient)).toBe(1);
    expect(await store.collector.run(patient)).toMatchObject({ blobs: 4, maps: 1, pointers: 0 });
    for (const listed of filesOf(first, [old])) expect(isHeld(store, listed)).toBe(false);
    expect(isMapHeld(store, first.map)).toBe(false);
    expect(allHeld(store, second, [shared]) && allHeld(store, third, [shared, fresh])).toBe(true);
    await countedRight(store);
    expect(await store.collector.run(patient)).toEqual({ blobs: 0, maps: 0, pointers: 0, bytes: 0 });
  });

  test('is given to the end to a client that reads it', async () => {
    await using store = await upkeepPieces();
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    const reader = await store.blobs.open('open', old.listed);
    const start = await readPart(reader!, 0, 1_000);
    await store.collector.run(patient);
    expect(Buffer.concat([start, await readPart(reader!, 1_000, 3_000)])).toEqual(old.bytes);
    reader?.release();
    await store.collector.run(patient);
    expect(isHeld(store, old.listed)).toBe(false);
    await countedRight(store);
  });

  test('under a name by another algorithm goes with both its names, and is counted once', async () => {
    await using folder = await temporaryDirectory();
    const filled = async () => {
      await using store = await upkeepPieces({ root: folder.path });
      const long = await storedPackage(store, 'long.rpm', { algorithm: 'sha512' });
      const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'sha1' });
      await published(store, 1, await storedRepository(store, [long, weak]));
      for (const number of [2, 3]) await published(store, number, await storedRepository(store, [long]));
      await countedRight(store);
      return { long, weak };
    };
    const { long, weak } = await filled();
    // After a restart names are all that is known.
    await using after = await upkeepPieces({ root: folder.path });
    await countedRight(after);
    await after.collector.run(patient);
    expect([isHeld(after, long.listed), isHeld(after, weak.listed)]).toEqual([true, true]);
    await countedRight(after);
    for (const number of [4, 5]) await published(after, number, await storedRepository(after, []));
    await after.retirement.run(patient);
    noRuns(after);
    await after.collector.run(patient);
    for (const { listed, bytes } of [long, weak]) {
      expect(isHeld(after, listed)).toBe(false);
      const named = { digest: digestOf(bytes), size: bytes.length };
      expect(existsSync(after.layout.blob(possessionScope('open', 'site/base', listed), named))).toBe(false);
    }
    await countedRight(after);
  });
});

test.each([0, 1])('of two names of one file either may go first, also after a restart (%i)', async (first) => {
  await using folder = await temporaryDirectory();
  const filled = async () => {
    await using store = await upkeepPieces({ root: folder.path });
    return await storedPackage(store, 'long.rpm', { algorithm: 'sha512' });
  };
  const { listed, bytes } = await filled();
  await using store = await upkeepPieces({ root: folder.path });
  const names = [listed, { digest: digestOf(bytes), size: bytes.length }];
  for (const name of first === 0 ? names : names.toReversed()) {
    expect(await store.blobs.remove('open', name)).toMatchObject({ result: 'removed' });
    await countedRight(store);
  }
  expect(store.space.used).toBe(0);
});

describe('nothing goes', () => {
  test('before every configured subscription has published', async () => {
    await using store = await upkeepPieces();
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    store.configured.keeps.push({ subscription: 'newcomer', generations: 1, grace: 0 });
    for (let pass = 0; pass < 2; pass += 1) await store.collector.run(patient);
    expect([isHeld(store, old.listed), store.log]).toEqual([
      true,
      [expect.stringContaining('newcomer has not published anything yet')],
    ]);
    store.configured.keeps.pop();
    await store.collector.run(patient);
    expect(isHeld(store, old.listed)).toBe(false);
  });

  test('while a document cannot be read, until it can or is gone', async () => {
    await using folder = await temporaryDirectory();
    const filled = async () => {
      await using before = await upkeepPieces({ root: folder.path });
      const all = await threeGenerations(before);
      await before.retirement.run(patient);
      const [document] = before.generations.kept('corp');
      return { ...all, document, path: before.layout.generation('corp', document?.id ?? '') };
    };
    const { fresh, third, old, first, document, path } = await filled();
    await writeFile(path, '{"format":1');
    await using store = await upkeepPieces({ root: folder.path });
    await store.collector.run(patient);
    expect(allHeld(store, third, [fresh]) && isHeld(store, old.listed)).toBe(true);
    expect(store.marks.protectionKnown).toBe(false);
    await writeFile(path, JSON.stringify(document));
    await store.collector.run(patient);
    expect([allHeld(store, third, [fresh]), isHeld(store, old.listed), isMapHeld(store, first.map)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('of a scope of which a map is missing or damaged; other scopes are collected', async () => {
    for (const harm of ['missing', 'damaged']) {
      await using store = await upkeepPieces();
      const { fresh, third } = await threeGenerations(store);
      const garbage = await storedPackage(store, 'garbage.rpm');
      const other = await storedPackage(store, 'other.rpm', { scope: 'pulp-1' });
      const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'md5' });
      const map = store.layout.map(third.map!);
      await store.maps.close();
      if (harm === 'missing') await rename(map, `${map}.away`);
      else await writeFile(map, 'no map');
      noRuns(store);
      await store.collector.run(patient);
      expect([fresh, garbage, weak].every(({ listed }) => isHeld(store, listed))).toBe(true);
      expect(isHeld(store, other.listed, 'pulp-1')).toBe(false);
      await rm(map, { force: true });
      await store.sink.writeMap(third.map!, async (to) => {
        to.add(fresh);
      });
      noRuns(store);
      await store.collector.run(patient);
      expect([isHeld(store, fresh.listed), isHeld(store, garbage.listed)]).toEqual([true, false]);
    }
  });

  test('that is a file of somebody else', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const own = [join(store.layout.maps, 'README'), join(store.layout.unlisted, 'notes.json')];
    for (const path of own) await writeFile(path, 'mine');
    await store.collector.run(patient);
    expect(own.every((path) => existsSync(path))).toBe(true);
  });
});

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
    const held = await Promise.all(candidates.slice(1).map(({ listed }) => store.sink.holds('open', listed)));
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

describe('pointers of unlisted files', () => {
  const pointer = (store: UpkeepPieces, repository: string, listed: { digest: `sha256:${string}`; size: number }) =>
    store.pointers.write({
      format: 1,
      repository,
      file: 'images/boot.iso',
      scope: 'open',
      ...listed,
      fetched: '2026-11-23T10:00:00Z',
      contentType: null,
      etag: null,
      lastModified: null,
    });
  const kept = async (store: UpkeepPieces, bytes: string) => {
    const { digest, size } = await store.sink.keep('open', Buffer.from(bytes));
    return { digest: digest as `sha256:${string}`, size };
  };

  test('keep their blobs as long as a kept generation has the repository; others go with theirs', async () => {
    await using store = await upkeepPieces();
    await threeGenerations(store);
    const [known, unknown] = [await kept(store, 'known'), await kept(store, 'unknown')];
    await pointer(store, 'site/base', known);
    await pointer(store, 'site/gone', unknown);
    await writeFile(join(store.layout.unlisted, `${'0'.repeat(64)}.json`), '{"format":1,');
    noRuns(store);
    expect(await store.collector.run(patient)).toMatchObject({ pointers: 2, blobs: 1 });
    expect([isHeld(store, known), isHeld(store, unknown)]).toEqual([true, false]);
    expect(existsSync(store.layout.unlistedEntry('site/base', 'images/boot.iso'))).toBe(true);
    expect(existsSync(store.layout.unlistedEntry('site/gone', 'images/boot.iso'))).toBe(false);
    await countedRight(store);
  });

  test('that cannot be read stop everything: what they refer to is not known', async () => {
    await using folder = await temporaryDirectory();
    let broken = true;
    const readFile: Disk['readFile'] = async (path) => {
      if (broken && path.includes('/unlisted/')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      return systemDisk.readFile(path);
    };
    await using store = await upkeepPieces({ root: folder.path, disk: { ...systemDisk, readFile } });
    const { old } = await threeGenerations(store);
    await store.retirement.run(patient);
    const known = await kept(store, 'known');
    await pointer(store, 'site/base', known);
    noRuns(store);
    await store.collector.run(patient);
    expect([isHeld(store, known), isHeld(store, old.listed)]).toEqual([true, true]);
    broken = false;
    await store.collector.run(patient);
    expect([isHeld(store, known), isHeld(store, old.listed)]).toEqual([true, false]);
  });
});

test('metadata is protected, and the packages of pinned generations, of full repositories also of the current one', async () => {
  await using store = await upkeepPieces();
  const { old, shared, fresh, first, second, third } = await threeGenerations(store);
  const isProtected = (listed: { digest: `${string}:${string}` }): boolean =>
    (store.index.flagsOf('open', listed.digest as `sha256:${string}`) & flag.protected) !== 0;
  const packages = (): readonly boolean[] => [old, shared, fresh].map(({ listed }) => isProtected(listed));
  noRuns(store);
  await store.collector.run(patient, false);
  for (const document of [first, second, third]) expect(filesOf(document).every(isProtected)).toBe(true);
  expect(packages()).toEqual([false, false, false]);
  store.configured.full.add('site/base');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([false, true, true]);
  const pinned = store.generations.kept('corp').at(-1)?.id;
  await writeFile(store.layout.pins, JSON.stringify({ format: 1, pins: [pinned] }));
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
  await writeFile(store.layout.pins, 'unreadable');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
  store.configured.full.clear();
  await writeFile(store.layout.pins, JSON.stringify({ format: 1, pins: [pinned] }));
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, false]);
});

test('rolled back, the packages of full repositories are protected of what is served and of what a release serves', async () => {
  await using store = await upkeepPieces();
  const { old, shared, fresh, first } = await threeGenerations(store);
  const packages = (): readonly boolean[] =>
    [old, shared, fresh].map(({ listed }) => (store.index.flagsOf('open', listed.digest) & flag.protected) !== 0);
  noRuns(store);
  store.configured.full.add('site/base');
  const oldest = store.generations.kept('corp').at(-1);
  expect(oldest?.repositories['site/base']).toEqual(first);
  await store.generations.rollback('corp', oldest?.id ?? '');
  await store.collector.run(patient, false);
  expect(packages()).toEqual([true, true, true]);
});

/** A store of which half is garbage: the first generation's, a dropped repository's, and an unlisted file's. */
async function halfGarbage(root: string) {
  await using store = await upkeepPieces({ root });
  const all = await threeGenerations(store);
  const { digest, size } = await store.sink.keep('open', Buffer.from('nobody asks'));
  await store.pointers.write({
    format: 1,
    repository: 'gone',
    file: 'f',
    scope: 'open',
    digest,
    size,
    fetched: '2026-11-23T10:00:00Z',
    contentType: null,
    etag: null,
    lastModified: null,
  });
  const weak = await storedPackage(store, 'weak.rpm', { algorithm: 'sha512' });
  return { ...all, weak };
}

test.each(['fails', 'is the last before a crash'])(
  'whichever disk call %s, all that is referred to is there, the count is right, and the next pass completes',
  async (how) => {
    let passes = 0;
    for (let n = 1; ; n += 1) {
      await using folder = await temporaryDirectory();
      const { shared, fresh, second, third, first, old } = await halfGarbage(folder.path);
      const disk = new FaultyDisk((_, count) => (count === n || (how !== 'fails' && count > n) ? 'EIO' : null));
      {
        await using store = await upkeepPieces({ root: folder.path, disk });
        await store.retirement.run(patient);
        await store.collector.run(patient);
        expect(allHeld(store, second, [shared]) && allHeld(store, third, [shared, fresh])).toBe(true);
        await countedRight(store);
        passes += 1;
        if (disk.calls.length < n) break;
      }
      await using after = await upkeepPieces({ root: folder.path });
      await after.retirement.run(patient);
      await after.collector.run(patient);
      expect(allHeld(after, second, [shared]) && allHeld(after, third, [shared, fresh])).toBe(true);
      for (const listed of filesOf(first, [old])) expect(isHeld(after, listed)).toBe(false);
      expect(after.index.size).toBe(filesOf(second).length + filesOf(third).length + 2);
      await countedRight(after);
    }
    expect(passes).toBeGreaterThan(8);
  },
);
