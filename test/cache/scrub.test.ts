import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import { Scrub } from '../../cache/upkeep/scrub.ts';
import { nothingScrubbed, writeScrubNote } from '../../cache/upkeep/scrub-note.ts';
import type { ScrubBudget } from '../../cache/upkeep/scrub-pace.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { bytesOf, publish, rot, upkeepFixture } from './upkeep-fixture.ts';
import type { UpkeepFixture } from './upkeep-fixture.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const fast: ScrubBudget = { every: 24 * hour, rate: 2 ** 30 };

interface Round {
  readonly scrub: Scrub;
  readonly clock: StandingClock;
}

/** A scrub by a clock of its own, begun. */
async function round({ store, repair }: UpkeepFixture, budget: ScrubBudget | null, start?: number): Promise<Round> {
  const { audit, space, notes } = store;
  const clock = new StandingClock(start);
  const lines = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const log = { ...lines, child: () => log };
  const scrub = await Scrub.open({ budget, audit, repair, space, notes, clock, log });
  scrub.begin();
  return { scrub, clock };
}

/** Moves on by so many milliseconds in small steps, each when the scrub has done what it can until then. */
async function pass({ clock }: Round, milliseconds: number, step = second): Promise<void> {
  for (let left = milliseconds; left > 0; left -= step) {
    await clock.sleeping(0, Infinity);
    clock.advance(Math.min(step, left));
  }
  await clock.sleeping(0, Infinity);
}

/** The real disk; says which blobs were read, in order. */
function watched(): { readonly disk: typeof systemDisk; readonly read: string[] } {
  const read: string[] = [];
  const openRead = (path: string) => {
    if (path.includes('/blobs/')) read.push(basename(path));
    return systemDisk.openRead(path);
  };
  return { disk: { ...systemDisk, openRead }, read };
}

const many = (count: number, size: number): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${n}.rpm`, randomBytes(size)]));

describe('the scrub', () => {
  test('finds a flipped bit in a file that nobody asks for, and has it fetched again', async () => {
    await using fixture = await upkeepFixture();
    const packages = { 'a.rpm': randomBytes(5_000), 'b.rpm': randomBytes(5_000) };
    const victim = (await publish(fixture, { packages })).get('a.rpm');
    if (victim === undefined) throw new Error('it was published');
    await rot(fixture, victim);
    const going = await round(fixture, { every: hour, rate: 2 ** 30 });
    await pass(going, 3 * minute + hour, minute);
    while (!fixture.lines.some(({ fields }) => fields['path'] === 'site/base/a.rpm')) await setImmediate();
    await going.scrub.close();
    // The next pass has begun by now, and does not forget what the last one found.
    expect(going.scrub.status()).toMatchObject({ damaged: 1, missing: 0, lastPass: expect.any(String) });
    expect((await bytesOf(fixture, victim))?.equals(packages['a.rpm'])).toBe(true);
    expect(await readdir(fixture.layout.damaged)).toHaveLength(1);
    expect(fixture.failures()).toBe(1);
  });

  test('counts as missing what no upstream can give', async () => {
    await using fixture = await upkeepFixture();
    const victim = (await publish(fixture, { packages: many(2, 500) })).get('0.rpm');
    if (victim === undefined) throw new Error('it was published');
    await rot(fixture, victim);
    fixture.upstreams.clear();
    const going = await round(fixture, { every: hour, rate: 2 ** 30 });
    await pass(going, 3 * minute + hour, minute);
    await going.scrub.close();
    expect(going.scrub.status()).toMatchObject({ damaged: 1, missing: 1 });
    expect(await bytesOf(fixture, victim)).toBeNull();
  });

  test('reads nothing in the first minutes, and never when it is off', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(5, 500) });
    const off = await round(fixture, null);
    const going = await round(fixture, fast);
    await pass(going, 2 * minute);
    expect(read).toEqual([]);
    await pass(going, 2 * minute);
    expect(read.length).toBeGreaterThan(0);
    expect(off.scrub.status().state).toBe('off');
    await going.scrub.close();
    await off.scrub.close();
  });

  test('reads every file once in its time, evenly, and begins anew when that is over', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(98, 100_000) });
    const going = await round(fixture, { every: 10 * hour, rate: 2 ** 30 });
    await pass(going, 3 * minute);
    const counts: number[] = [];
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const before = read.length;
      await pass(going, hour, minute);
      counts.push(read.length - before);
    }
    // The hundredth part of the bytes every six minutes; two small files go along.
    for (const count of counts) expect(count, counts.join()).toBeGreaterThanOrEqual(8);
    for (const count of counts) expect(count, counts.join()).toBeLessThanOrEqual(13);
    const first = read.slice(0, 100);
    expect(new Set(first).size).toBe(100);
    expect(first).toEqual(first.toSorted());
    await pass(going, hour, minute);
    expect(read.slice(100, 103)).toEqual(first.slice(0, 3));
    expect(going.scrub.status().lastPass).not.toBeNull();
    await going.scrub.close();
  });

  test('never reads faster than its rate, however late it is', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(98, 100_000) });
    const going = await round(fixture, { every: hour, rate: 1_000 });
    await pass(going, 3 * minute);
    const before = read.length;
    await pass(going, 1_000 * second, 5 * second);
    // 1,000 s at 1,000 B/s are ten files, and the beginning of one.
    expect(read.length - before).toBeGreaterThanOrEqual(9);
    expect(read.length - before).toBeLessThanOrEqual(12);
    await going.scrub.close();
  });

  test('goes on where an earlier process ended, and begins anew when that is forgotten', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(58, 10_000) });
    const before = await round(fixture, { every: 10 * hour, rate: 2 ** 30 });
    await pass(before, 3 * minute + 5 * hour, minute);
    await before.scrub.close();
    // One that is not read to its end is read again.
    const seen = read.slice(0, before.scrub.status().files);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.length).toBeLessThan(60);
    await fixture.reopen();
    read.length = 0;
    const after = await round(fixture, { every: 10 * hour, rate: 2 ** 30 }, before.clock.now());
    expect(after.scrub.status()).toMatchObject({ files: seen.length });
    await pass(after, 3 * minute + hour, minute);
    await after.scrub.close();
    expect(read.length).toBeGreaterThan(2);
    expect(read.filter((name) => seen.includes(name))).toEqual([]);
    expect((read[0] ?? '') > (seen.at(-1) ?? '')).toBe(true);

    await fixture.store.close();
    await rm(fixture.layout.index, { recursive: true });
    await fixture.reopen();
    read.length = 0;
    const anew = await round(fixture, { every: 10 * hour, rate: 2 ** 30 }, after.clock.now());
    await pass(anew, 3 * minute + hour, minute);
    await anew.scrub.close();
    expect(read[0]).toBe(seen[0]);
  });

  test('goes on behind a file that was removed meanwhile', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    const published = await publish(fixture, { packages: many(18, 10_000) });
    const before = await round(fixture, { every: 10 * hour, rate: 2 ** 30 });
    await pass(before, 3 * minute + 5 * hour, minute);
    await before.scrub.close();
    const last = read.at(-1) ?? '';
    const { scope, listed } = [...published.values()].find((blob) => last.includes(blob.listed.digest.slice(7))) ?? {};
    if (scope === undefined || listed === undefined) throw new Error('what was read was published');
    await rm(fixture.layout.blob(scope, listed));
    read.length = 0;
    const after = await round(fixture, { every: 10 * hour, rate: 2 ** 30 }, before.clock.now());
    await pass(after, 3 * minute + 2 * hour, minute);
    await after.scrub.close();
    expect((read[0] ?? '') > last).toBe(true);
  });

  test('leaves a disk alone that is not well, and goes on when it is', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(5, 500) });
    fixture.store.space.failed(new Error('EIO'));
    const going = await round(fixture, { every: hour, rate: 2 ** 30 });
    await pass(going, 3 * minute + hour, minute);
    expect(read).toEqual([]);
    expect(going.scrub.status().state).toBe('paused');
    fixture.store.space.healed();
    await pass(going, 10 * minute, minute);
    expect(read.length).toBeGreaterThan(0);
    expect(going.scrub.status().state).toBe('running');
    await going.scrub.close();
  });

  test('does not wait for ever for a clock that was set back', async () => {
    const { disk, read } = watched();
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many(3, 500) });
    const future = Date.parse('2040-01-01T00:00:00Z');
    await writeScrubNote(fixture.store.notes, { ...nothingScrubbed, began: future, lastPass: future, whole: true });
    const after = await round(fixture, { every: hour, rate: 2 ** 30 });
    await pass(after, 3 * minute + 3 * hour, minute);
    await after.scrub.close();
    expect(read.length).toBeGreaterThan(0);
  });
});
