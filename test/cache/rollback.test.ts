import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Generations } from '../../cache/generations/generations.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';

const clock = new StandingClock(Date.UTC(2026, 10, 30));
const at = new Date(clock.now()).toISOString();
const id = (number: number): string => generation(number).id;

function load(root: string, disk: Disk = systemDisk): Promise<Generations> {
  return Generations.load(disk, new Layout(root), silentLogger, clock);
}

/** Generations 1 to 3 of `corp`. */
async function three(root: string): Promise<Generations> {
  const generations = await load(root);
  for (const number of [1, 2, 3]) await generations.publish(generation(number));
  return generations;
}

/** What is served, what a release would serve, and whether it is rolled back. */
function standing(generations: Generations): readonly unknown[] {
  return [generations.current('corp')?.id, generations.newest('corp')?.id, generations.rolledBackSince('corp')];
}

describe('a rollback', () => {
  test('alone goes to the one before, again one further, and ends at the oldest', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    for (const number of [2, 1]) {
      const { before, now, changed } = await generations.rollback('corp', null);
      expect([before.id, now.id, changed]).toEqual([id(number + 1), id(number), true]);
      for (const each of [generations, await load(folder.path)])
        expect(standing(each)).toEqual([id(number), id(3), at]);
    }
    await expect(generations.rollback('corp', null)).rejects.toMatchObject({ code: 'nothing_older' });
    expect(standing(generations)).toEqual([id(1), id(3), at]);
  });

  test('goes to any kept generation, also forward, and says when it is there already', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    await generations.rollback('corp', id(1));
    expect(await generations.rollback('corp', id(1))).toMatchObject({ changed: false, now: { id: id(1) } });
    await generations.rollback('corp', id(2));
    expect(standing(generations)).toEqual([id(2), id(3), at]);
    for (const other of [generation(4).id, generation(1, {}, 'other').id])
      await expect(generations.rollback('corp', other)).rejects.toMatchObject({ code: 'unknown_generation' });
    await expect(generations.rollback('other', null)).rejects.toMatchObject({ code: 'nothing_older' });
  });

  test('to the current generation holds it: nothing newer becomes current', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    expect(await generations.rollback('corp', id(3))).toMatchObject({ changed: true });
    await generations.publish(generation(4));
    expect(standing(await load(folder.path))).toEqual([id(3), id(4), at]);
  });

  test('keeps what is published meanwhile, durable and reachable, and a release makes the last of it current', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    await generations.rollback('corp', null);
    await generations.publish(generation(5, {}, 'other'));
    for (const number of [4, 5]) await generations.publish(generation(number));
    for (const each of [generations, await load(folder.path)]) {
      expect(standing(each)).toEqual([id(2), id(5), at]);
      expect(each.kept('corp').map((one) => one.id)).toEqual([5, 4, 3, 2, 1].map(id));
      expect(each.current('other')?.id).toBe(generation(5, {}, 'other').id);
    }
    expect(await generations.release('corp')).toMatchObject({ before: { id: id(2) }, now: { id: id(5) } });
    expect(await generations.release('corp')).toMatchObject({ now: { id: id(5) }, changed: false });
    await generations.publish(generation(6));
    expect(standing(await load(folder.path))).toEqual([id(6), id(6), null]);
  });

  test('is released to what was published last, though a clock that went back dates it earlier', async () => {
    await using folder = await temporaryDirectory();
    const generations = await load(folder.path);
    for (const number of [5, 6]) await generations.publish(generation(number));
    await generations.rollback('corp', null);
    await generations.publish(generation(1));
    expect((await load(folder.path)).newest('corp')?.id).toBe(id(1));
    expect(await (await load(folder.path)).release('corp')).toMatchObject({ now: { id: id(1) } });
  });

  test('holds also when the generation rolled back to is lost: an older one is served, not the newest', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    await generations.rollback('corp', null);
    await systemDisk.unlink(new Layout(folder.path).generation('corp', id(2)));
    expect(standing(await load(folder.path))).toEqual([id(1), id(3), at]);
  });

  test('leaves nothing in current.json that an earlier version does not know once it is over', async () => {
    await using folder = await temporaryDirectory();
    const generations = await load(folder.path);
    await generations.publish(generation(1));
    await generations.rollback('corp', id(1));
    await generations.release('corp');
    const file = JSON.parse(await readFile(new Layout(folder.path).current, 'utf8')) as unknown;
    expect(file).toEqual({ format: 1, current: { corp: id(1) } });
  });

  test('survives the loss of nothing else: of a current.json with a broken hold the generation is served all the same', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    await generations.rollback('corp', id(1));
    const { current } = new Layout(folder.path);
    await writeFile(current, JSON.stringify({ format: 1, current: { corp: id(1) }, held: { corp: {} }, left: 7 }));
    const again = await load(folder.path);
    expect([again.current('corp')?.id, again.newest('corp')?.id]).toEqual([id(1), id(3)]);
    expect(again.rolledBackSince('corp')).not.toBeNull();
  });
});

describe.each<readonly [string, (generations: Generations) => Promise<unknown>, (generations: Generations) => unknown]>(
  [
    ['rollback', (generations) => generations.rollback('corp', id(1)), standing],
    ['release', (generations) => generations.release('corp'), standing],
    ['publish while rolled back', (generations) => generations.publish(generation(4)), standing],
  ],
)('whichever disk call of a %s fails', (_, work, look) => {
  test('all is as before, in memory and after a restart, or as wanted, and the next try succeeds', async () => {
    await using fine = await temporaryDirectory();
    const prepared = async (root: string): Promise<void> => void (await (await three(root)).rollback('corp', null));
    await prepared(fine.path);
    const before = look(await load(fine.path));
    await work(await load(fine.path));
    const after = look(await load(fine.path));
    for (let n = 1; ; n += 1) {
      await using folder = await temporaryDirectory();
      await prepared(folder.path);
      const disk = FaultyDisk.failingNth(n);
      const generations = await load(folder.path, disk);
      const failure: unknown = await work(generations).then(
        () => null,
        (error: unknown) => error,
      );
      const finished = disk.calls.length < n;
      expect(failure === null).toBe(finished);
      expect(look(generations)).toEqual(finished ? after : before);
      expect([before, after]).toContainEqual(look(await load(folder.path)));
      if (finished) break;
      expect(failure).toMatchObject({ code: 'disk_failing' });
      await work(generations);
      expect(look(await load(folder.path))).toEqual(after);
      expect(n).toBeLessThan(30);
    }
  });
});

describe('a pin', () => {
  test('is durable, and told to be new or not', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    expect([await generations.setPinned(id(1), true), await generations.setPinned(id(1), true)]).toEqual([true, false]);
    await generations.setPinned(id(2), true);
    expect(await (await load(folder.path)).pins()).toEqual(new Set([id(1), id(2)]));
    expect([await generations.setPinned(id(1), false), await generations.setPinned(id(1), false)]).toEqual([
      true,
      false,
    ]);
    expect(await (await load(folder.path)).pins()).toEqual(new Set([id(2)]));
    await expect(generations.setPinned('20200101T000000Z-00000000', true)).rejects.toMatchObject({
      code: 'unknown_generation',
    });
  });

  test('of a generation whose document is lost stays, and can be taken away', async () => {
    await using folder = await temporaryDirectory();
    const before = await three(folder.path);
    await before.setPinned(id(1), true);
    await systemDisk.unlink(new Layout(folder.path).generation('corp', id(1)));
    const generations = await load(folder.path);
    await generations.setPinned(id(2), true);
    expect(await generations.pins()).toEqual(new Set([id(1), id(2)]));
    expect(await generations.setPinned(id(1), false)).toBe(true);
  });

  test('is refused, and overwrites nothing, while pins.json is none', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    const { pins } = new Layout(folder.path);
    await writeFile(pins, 'mine');
    await expect(generations.setPinned(id(1), true)).rejects.toMatchObject({ code: 'disk_failing' });
    expect(await readFile(pins, 'utf8')).toBe('mine');
  });

  test('that comes while the generation is about to go keeps it, or is told that it is gone', async () => {
    await using folder = await temporaryDirectory();
    const generations = await three(folder.path);
    const [pinned, retired] = await Promise.allSettled([
      generations.setPinned(id(1), true),
      generations.retire(generation(1)),
    ]);
    expect([pinned.status, retired]).toEqual(['fulfilled', { status: 'fulfilled', value: false }]);
    const [gone, late] = await Promise.allSettled([
      generations.retire(generation(2)),
      generations.setPinned(id(2), true),
    ]);
    expect([gone, late.status]).toEqual([{ status: 'fulfilled', value: true }, 'rejected']);
  });

  test('fails as a whole, whichever disk call fails', async () => {
    for (let n = 1; ; n += 1) {
      await using folder = await temporaryDirectory();
      await (await three(folder.path)).setPinned(id(1), true);
      const disk = FaultyDisk.failingNth(n);
      const generations = await load(folder.path, disk);
      const done = await generations.setPinned(id(2), true).catch((error: unknown) => error);
      const pins = [...(await (await load(folder.path)).pins())];
      if (disk.calls.length < n) {
        expect([done, pins]).toEqual([true, [id(1), id(2)]]);
        break;
      }
      expect(done).toMatchObject({ code: 'disk_failing' });
      expect([[id(1)], [id(1), id(2)]]).toContainEqual(pins);
      expect(n).toBeLessThan(30);
    }
  });
});
