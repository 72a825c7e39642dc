import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { byBytes, collected, entry, listedFor, make, mapsIn, primary } from './made-maps.ts';

/**
 * Watches how long this thread works before others have their turn, by its own processor time: a machine that is busy
 * with something else does not count. The returned function gives the longest, in milliseconds, and ends it.
 */
function longestTurn(): () => Promise<number> {
  const watch = { over: false, longest: 0 };
  const watched = (async () => {
    while (!watch.over) {
      const before = process.threadCpuUsage();
      await new Promise((resolve) => setImmediate(resolve));
      const { user, system } = process.threadCpuUsage(before);
      watch.longest = Math.max(watch.longest, (user + system) / 1000);
    }
  })();
  return async () => {
    watch.over = true;
    await watched;
    return watch.longest;
  };
}

describe('a large map', () => {
  test('of more packages than are sorted at once is in order, and knows which come again', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const at = Array.from({ length: 7_000 }, (_, index) => (index * 7919) % 5_003);
    // Those that come again come thousands of packages later; every third is another file then.
    const entries = at.map((number, index) => ({
      href: `Packages/p-${number}.rpm`,
      listed: listedFor(index >= 5_003 && number % 3 === 0 ? 'other' : 'one'),
    }));
    const clashing = new Set(at.slice(5_003).filter((number) => number % 3 === 0));
    const map = await make(held.maps, entries);
    const expected = at.slice(0, 5_003).filter((number) => !clashing.has(number));
    const names = expected.map((number) => `Packages/p-${number}.rpm`).toSorted(byBytes);
    expect(await collected(map)).toEqual(names.map((href) => [href, listedFor('one')]));
    expect(map.header).toMatchObject({ packages: names.length, unservable: clashing.size });
  });

  test('of 60,000 packages is made without holding anybody up for 20 ms, in bounded memory', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const listed = listedFor('same');
    // Neither sorted nor random: as metadata by source package is.
    const hrefOf = (at: number): string => `Packages/${(at * 7919) % 60_000}-package-name-1.2.3-4.el9.x86_64.rpm`;
    const before = process.memoryUsage().rss;
    const longest = longestTurn();
    const map = await held.maps.make(primary, async (to) => {
      for (let at = 0; at < 60_000; at += 1) {
        to.add(entry(hrefOf(at), listed));
        // As often as a parser gives others their turn.
        if (at % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(await longest()).toBeLessThan(20);
    expect(map.header.packages).toBe(60_000);
    for (const at of [0, 1, 30_000, 59_999]) expect(await map.find(hrefOf(at))).toEqual(listed);
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(150);
  });
});
