import { open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { algorithms } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { everythingClosed } from '../cache/pieces.ts';
import { byBytes, collected, entry, listedFor, make, mapsIn, primary, type Entries } from './made-maps.ts';

const hrefs = fc.oneof(
  fc.constantFrom('Packages/a.rpm', 'Packages/a.rpm2', 'Packages/', 'Packages/ä.rpm', 'Packages/é.rpm', 'ü', '𝄞.rpm'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
  fc.integer({ min: 0, max: 300 }).map((number) => `Packages/s/shared-prefix-${'x'.repeat(60)}-${number}.rpm`),
  fc.integer({ min: 1000, max: 9000 }).map((length) => `Packages/${'long'.repeat(length / 4)}.rpm`),
);
const files = fc
  .record({
    seed: fc.constantFrom('one', 'two', 'three'),
    algorithm: fc.constantFrom(...algorithms),
    size: fc.constantFrom(0, 1, 2 ** 31, 2 ** 40),
  })
  .map(({ seed, algorithm, size }) => listedFor(seed, algorithm, size));

describe('a map', () => {
  test('answers as a map in memory does: every href, none else, in the order of its bytes', async () => {
    await using folder = await temporaryDirectory();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ href: hrefs, listed: files }), { maxLength: 400 }),
        fc.array(hrefs, { maxLength: 20 }),
        async (entries, others) => {
          await using held = await mapsIn(folder.path);
          const model = new Map<string, Listed>();
          const clashing = new Set<string>();
          for (const { href, listed } of entries) {
            const before = model.get(href);
            if (before !== undefined && (before.digest !== listed.digest || before.size !== listed.size))
              clashing.add(href);
            model.set(href, listed);
          }
          for (const href of clashing) model.delete(href);
          const map = await make(held.maps, entries);
          const sorted = [...model].toSorted(([one], [other]) => byBytes(one, other));
          expect(await collected(map)).toEqual(sorted);
          for (const href of [...entries.map((one) => one.href), ...others])
            expect(await map.find(href)).toEqual(model.get(href) ?? null);
          for (const from of others)
            expect(await collected(map, from)).toEqual(sorted.filter(([href]) => byBytes(href, from) >= 0));
          expect(map.header).toMatchObject({
            packages: model.size,
            bytes: [...model.values()].reduce((sum, { size }) => sum + size, 0),
            unservable: clashing.size,
          });
          const named = (await map.unservable()).map(({ href, reason }) => `${reason} ${href}`);
          expect(named.toSorted(byBytes)).toEqual([...clashing].map((href) => `duplicate ${href}`).toSorted(byBytes));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of nothing finds nothing', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const map = await make(held.maps, []);
    expect([await map.find('a'), await collected(map), map.header.packages]).toEqual([null, [], 0]);
  });

  test('keeps a name of 65,535 bytes, and counts a longer one as unservable', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const most = 'é'.repeat(32_767);
    const map = await make(held.maps, [
      { href: `${most}a`, listed: listedFor('a') },
      { href: `${most}aa`, listed: listedFor('b') },
    ]);
    expect(await map.find(`${most}a`)).toEqual(listedFor('a'));
    expect(map.header).toMatchObject({ packages: 1, unservable: 1 });
    expect(await map.unservable()).toMatchObject([{ reason: 'too-long' }]);
  });
});

describe('a map on disk', () => {
  const entries: Entries = Array.from({ length: 500 }, (_, at) => ({
    href: `Packages/p-${String(at).padStart(3, '0')}.rpm`,
    listed: listedFor(`p${at}`),
  }));

  test('is found by another process, and shared by all who ask', async () => {
    await using folder = await temporaryDirectory();
    {
      await using held = await mapsIn(folder.path);
      await make(held.maps, entries);
    }
    await using again = await mapsIn(folder.path);
    const [one, other] = await Promise.all([again.maps.get(primary), again.maps.get(primary)]);
    expect(one).toBe(other);
    expect(await one?.find('Packages/p-123.rpm')).toEqual(listedFor('p123'));
  });

  test('is absent until it is made', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    expect(await held.maps.get(primary)).toBeNull();
    await make(held.maps, entries);
    expect(await held.maps.get(primary)).not.toBeNull();
  });

  test('that is changed in any single byte tells nothing wrong: an error, or as if it were not there', async () => {
    await using folder = await temporaryDirectory();
    const path = new Layout(folder.path).map(primary);
    {
      await using held = await mapsIn(folder.path);
      await make(held.maps, entries.slice(0, 120));
    }
    const bytes = await readFile(path);
    const [index, names] = [Number(bytes.readBigUInt64LE(32)), Number(bytes.readBigUInt64LE(48))];
    // Every byte of header and index, and some of the blocks.
    for (let at = 0; at < names; at += at < 64 || at >= index ? 1 : 97) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      await writeFile(path, damaged);
      await using held = await mapsIn(folder.path);
      const map = await held.maps.get(primary);
      if (map === null) continue;
      for (const { href, listed } of entries.slice(0, 120)) {
        const found = await map.find(href).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toMatchObject({ code: 'blob_damaged' });
        else expect(found).toEqual(listed);
      }
    }
  });

  test('with a damaged block is lost once that is seen, and made again', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const map = await make(held.maps, entries);
    const file = await open(held.layout.map(primary), 'r+');
    await file.write(Buffer.from('damaged'), 0, 7, 100);
    await file.close();
    await expect(map.find('Packages/p-000.rpm')).rejects.toMatchObject({ code: 'blob_damaged' });
    expect(await held.maps.get(primary)).toBeNull();
    await make(held.maps, entries);
    expect(await (await held.maps.get(primary))?.find('Packages/p-000.rpm')).toEqual(listedFor('p0'));
  });

  test.each([0, 1, 63, 64, 1000, -1])('that was cut to %i bytes is as if it were not there', async (length) => {
    await using folder = await temporaryDirectory();
    const path = new Layout(folder.path).map(primary);
    {
      await using held = await mapsIn(folder.path);
      await make(held.maps, entries);
    }
    const whole = (await readFile(path)).length;
    await truncate(path, length < 0 ? whole + length : length);
    await using held = await mapsIn(folder.path);
    expect(await held.maps.get(primary)).toBeNull();
  });

  test('of another version, or no map at all, is as if it were not there', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    await writeFile(held.layout.map(primary), 'WSMAP\x00\x02\n'.padEnd(5000, 'x'));
    expect(await held.maps.get(primary)).toBeNull();
  });

  test('is not visible, and leaves nothing, when its entries end in an error', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const failing = held.maps.make(primary, async (to) => {
      to.add(entry('a', listedFor('a')));
      throw new Error('the primary ends too early');
    });
    await expect(failing).rejects.toThrow('too early');
    expect(await held.maps.get(primary)).toBeNull();
    expect([await readdir(held.layout.maps), await readdir(held.layout.parts)]).toEqual([[], []]);
  });

  test('may be made twice at once: both are told of a whole map', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const gate = new Gate();
    const slow = held.maps.make(primary, async (to) => {
      for (const one of entries) to.add(entry(one.href, one.listed));
      await passed(gate);
    });
    const [first, second] = [make(held.maps, entries), make(held.maps, entries)];
    gate.open();
    for (const map of await Promise.all([slow, first, second])) expect(map.header.packages).toBe(500);
    expect(await (await held.maps.get(primary))?.find('Packages/p-499.rpm')).toEqual(listedFor('p499'));
    expect(await readdir(held.layout.parts)).toEqual([]);
  });

  test('that is replaced is closed only when those who read from it are done', async () => {
    await using folder = await temporaryDirectory();
    await using held = await mapsIn(folder.path);
    const map = await make(held.maps, entries);
    const walking = map.entries();
    await walking.next();
    const finding = entries.map(({ href }) => map.find(href));
    await make(held.maps, entries);
    expect((await Promise.all(finding)).every((found) => found !== null)).toBe(true);
    let walked = 1;
    for await (const _ of walking) walked += 1;
    expect(walked).toBe(500);
    await held.maps.close();
    await everythingClosed(folder.path);
  });

  test('stands whole or not at all whichever disk call fails', async () => {
    let finished = false;
    for (let n = 1; !finished; n += 1) {
      await using folder = await temporaryDirectory();
      const disk = FaultyDisk.failingNth(n);
      await using held = await mapsIn(folder.path, disk);
      const failure = await make(held.maps, entries).catch((error: unknown) => error);
      finished = disk.calls.length < n;
      if (finished) expect(failure).not.toBeInstanceOf(Error);
      const map = await held.maps.get(primary);
      if (map !== null) expect((await collected(map)).length).toBe(500);
      expect(await readdir(held.layout.parts)).toEqual([]);
      expect(n).toBeLessThan(50);
    }
  });
});
