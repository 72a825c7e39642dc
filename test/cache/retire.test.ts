import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { hour, patient, upkeepPieces } from './upkeep-pieces.ts';
import type { UpkeepPieces } from './upkeep-pieces.ts';

/** Generations 1 to `last` of `corp`, as an earlier run left them; they are days old. */
async function kept(last: number, options: { root?: string; disk?: Disk } = {}): Promise<UpkeepPieces> {
  const store = await upkeepPieces(options);
  for (let number = 1; number <= last; number += 1) await store.generations.publish(generation(number));
  return store;
}

const idsOf = ({ generations }: UpkeepPieces): readonly string[] => generations.kept('corp').map(({ id }) => id);
const ids = (...numbers: readonly number[]): readonly string[] => numbers.map((number) => generation(number).id);

async function idsOnDisk({ layout }: UpkeepPieces): Promise<readonly string[]> {
  const names = await readdir(layout.generationFolder('corp'));
  return names.map((name) => name.replace('.json', '')).toSorted((one, other) => (one < other ? 1 : -1));
}

async function pin(store: UpkeepPieces, text: string): Promise<void> {
  await writeFile(store.layout.pins, text);
}

describe('a generation', () => {
  test('goes when it is not among the newest and was superseded longer ago than the grace', async () => {
    await using store = await kept(5);
    expect(await store.retirement.run(patient)).toBe(3);
    expect([idsOf(store), await idsOnDisk(store)]).toEqual([ids(5, 4), ids(5, 4)]);
    expect(store.generations.find(generation(1).id)).toBeNull();
    expect(await store.retirement.run(patient)).toBe(0);
  });

  test('stays as long as its grace lasts, counted from the next one', async () => {
    await using store = await kept(4);
    const superseded = Date.parse(generation(2).created);
    store.configured.keeps = [{ subscription: 'corp', generations: 1, grace: store.clock.now() - superseded - 1 }];
    expect(await store.retirement.run(patient)).toBe(1);
    expect(idsOf(store)).toEqual(ids(4, 3, 2));
  });

  test('stays when it is current, however old', async () => {
    await using store = await kept(5);
    await store.generations.publish(generation(1));
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4, 1));
    expect(store.generations.current('corp')?.id).toBe(generation(1).id);
  });

  test('that was current until now stays for its grace, whatever the dates in the documents say', async () => {
    await using store = await kept(4);
    store.retirement.left(generation(1));
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(4, 3, 1));
    store.clock.advance(hour + 1);
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(4, 3));
  });

  test('stays when it is pinned', async () => {
    await using store = await kept(5);
    await pin(store, JSON.stringify({ format: 1, pins: [...ids(2), 'unknown'] }));
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4, 2));
  });

  test.each(['', '{}', '{"format":2,"pins":[]}', '{"format":1,"pins":"all"}', '{"format":1,"pins":[1]}', 'null'])(
    'stays while pins.json says %j, which is said once',
    async (text) => {
      await using store = await kept(5);
      await pin(store, text);
      expect([await store.retirement.run(patient), await store.retirement.run(patient)]).toEqual([0, 0]);
      expect(store.log).toEqual([expect.stringContaining('pins.json is no list of pins')]);
      await rm(store.layout.pins);
      expect(await store.retirement.run(patient)).toBe(3);
    },
  );

  test('stays while pins.json cannot be read', async () => {
    await using store = await kept(5);
    await mkdir(store.layout.pins);
    expect(await store.retirement.run(patient)).toBe(0);
    expect(store.log).toEqual([expect.stringContaining('pins.json: EISDIR')]);
  });

  test('stays while nobody confirms the clock', async () => {
    await using store = await kept(5);
    store.configured.confirmed = false;
    expect(await store.retirement.run(patient)).toBe(0);
    store.configured.confirmed = true;
    expect(await store.retirement.run(patient)).toBe(3);
  });

  test('stays when the clock jumps while others are retired', async () => {
    await using folder = await temporaryDirectory();
    let clock = { confirmed: true };
    const disk: Disk = {
      ...systemDisk,
      unlink: async (path) => {
        if (path.endsWith(`${generation(1).id}.json`)) clock.confirmed = false;
        await systemDisk.unlink(path);
      },
    };
    await using store = await kept(5, { root: folder.path, disk });
    clock = store.configured;
    expect(await store.retirement.run(patient)).toBe(1);
    expect(idsOf(store)).toEqual(ids(5, 4, 3, 2));
  });

  test('of a subscription that is not configured stays', async () => {
    await using store = await kept(5);
    store.configured.keeps = [{ subscription: 'other', generations: 1, grace: 0 }];
    expect(await store.retirement.run(patient)).toBe(0);
  });

  test('from the future, or with no date, makes nothing before it old', async () => {
    await using store = await upkeepPieces();
    await store.generations.publish(generation(1));
    await store.generations.publish({ ...generation(2), created: '2027-11-23T10:02:00.000Z' });
    await store.generations.publish({ ...generation(3), created: 'soon' });
    store.configured.keeps = [{ subscription: 'corp', generations: 1, grace: 0 }];
    expect(await store.retirement.run(patient)).toBe(0);
  });

  test('stays while another document of its subscription cannot be read, and goes once that can', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await kept(5, { root: folder.path });
    let broken = true;
    const disk: Disk = {
      ...systemDisk,
      readFile: async (path) => {
        if (broken && path.includes(generation(5).id)) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return systemDisk.readFile(path);
      },
    };
    await using store = await upkeepPieces({ root: folder.path, disk });
    expect([idsOf(store), await store.retirement.run(patient)]).toEqual([ids(4, 3, 2, 1), 0]);
    broken = false;
    expect(await store.generations.reread()).toBe(true);
    expect(idsOf(store)).toEqual(ids(5, 4, 3, 2, 1));
    expect(await store.retirement.run(patient)).toBe(3);
  });
});

test('a file of somebody else among the documents holds nothing up', async () => {
  await using folder = await temporaryDirectory();
  await using before = await kept(5, { root: folder.path });
  await writeFile(`${before.layout.generationFolder('corp')}/notes.json`, 'mine');
  await using store = await upkeepPieces({ root: folder.path });
  expect([await store.retirement.run(patient), store.generations.unreadable]).toEqual([3, []]);
});

test('what is retired is no longer found once it is gone from disk, and not before', async () => {
  await using folder = await temporaryDirectory();
  const state: { store: UpkeepPieces | null; seen: (string | undefined)[] } = { store: null, seen: [] };
  const disk: Disk = {
    ...systemDisk,
    syncFolder: async (path) => {
      if (state.store !== null) state.seen.push(state.store.generations.find(generation(1).id)?.id);
      await systemDisk.syncFolder(path);
    },
  };
  await using store = await kept(3, { root: folder.path, disk });
  state.store = store;
  await store.retirement.run(patient);
  expect(state.seen).toEqual([generation(1).id]);
  expect(store.generations.find(generation(1).id)).toBeNull();
});

test('whichever disk call fails, nothing is forgotten that is there, and the next round goes on', async () => {
  let failed = 0;
  for (let n = 1; ; n += 1) {
    await using folder = await temporaryDirectory();
    await using before = await kept(5, { root: folder.path });
    const disk = FaultyDisk.failingNth(n);
    await using store = await upkeepPieces({ root: folder.path, disk });
    const first = await store.retirement.run(patient);
    for (const id of await idsOnDisk(before)) expect(idsOf(store)).toContain(id);
    expect(idsOf(store)).toEqual(ids(5, 4, 3, 2, 1).slice(0, 5 - first));
    if (first === 3) break;
    failed += 1;
    expect(store.log).toEqual([expect.stringContaining('no generation can be retired')]);
    expect(await store.retirement.run(patient)).toBe(3 - first);
    expect([idsOf(store), await idsOnDisk(before)]).toEqual([ids(5, 4), ids(5, 4)]);
  }
  expect(failed).toBe(6);
});

test('a generation that is published again while it is about to go is served and on disk', async () => {
  await using store = await kept(4);
  const [gone] = await Promise.all([store.retirement.run(patient), store.generations.publish(generation(1))]);
  expect(gone).toBeGreaterThan(0);
  expect(store.generations.current('corp')).toEqual(generation(1));
  expect(existsSync(store.layout.generation('corp', generation(1).id))).toBe(true);
});

describe('after a rollback and a release', () => {
  test('neither what is served nor what a release would serve goes', async () => {
    await using store = await kept(5);
    await store.generations.rollback('corp', generation(1).id);
    store.configured.keeps = [{ subscription: 'corp', generations: 1, grace: 0 }];
    store.clock.advance(hour);
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 1));
  });

  test('what a release would serve stays also when a clock that went back dates it first', async () => {
    await using store = await upkeepPieces();
    for (const number of [5, 6]) await store.generations.publish(generation(number));
    await store.generations.rollback('corp', null);
    await store.generations.publish(generation(1));
    store.configured.keeps = [{ subscription: 'corp', generations: 1, grace: 0 }];
    store.clock.advance(hour);
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(6, 5, 1));
  });

  test('the generation that was served until the release stays for its grace, also over a restart', async () => {
    await using folder = await temporaryDirectory();
    {
      await using before = await kept(5, { root: folder.path });
      await before.generations.rollback('corp', generation(1).id);
      await before.generations.release('corp');
    }
    await using store = await upkeepPieces({ root: folder.path });
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4, 1));
    store.clock.advance(hour + 1);
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4));
  });

  test('one that a clock ahead of time released stays for its grace, and not until then', async () => {
    await using folder = await temporaryDirectory();
    {
      await using before = await kept(5, { root: folder.path });
      before.clock.advance(1_000 * hour);
      await before.generations.rollback('corp', generation(1).id);
      await before.generations.release('corp');
    }
    await using store = await upkeepPieces({ root: folder.path });
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4, 1));
    store.clock.advance(hour + 1);
    await store.retirement.run(patient);
    expect(idsOf(store)).toEqual(ids(5, 4));
  });
});
