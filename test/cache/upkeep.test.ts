import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Upkeep } from '../../cache/upkeep/upkeep.ts';
import { Targets } from '../../gateway/content/target.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { openedStore } from './opened-store.ts';
import { hour, isHeld, storedPackage, storedRepository, upkeepPieces } from './upkeep-pieces.ts';
import type { UpkeepPieces } from './upkeep-pieces.ts';

const minute = 60_000;

/** A store of which one generation is kept, and what looks after it by a clock of its own: nobody else sleeps by it. */
async function looked(after: { indexed?: Promise<void>; full?: boolean } = {}) {
  const store = await upkeepPieces();
  const clock = new StandingClock(Date.UTC(2026, 10, 30));
  const counted = new Map<string, number>();
  const counter = (name: string) => ({
    inc: (_: object, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value),
  });
  const rules = {
    keeps: () => [{ subscription: 'corp', generations: 1, grace: hour }],
    holds: () => (after.full === true ? ('all' as const) : ('none' as const)),
    clock: { confirmed: true },
  };
  const { disk, layout, generations, maps, pointers, blobs, marks, claims } = store;
  const upkeep = new Upkeep({
    disk,
    layout,
    generations,
    maps,
    pointers,
    blobs,
    marks,
    claims,
    rules,
    clock,
    log: silentLogger,
    meter: { ...silentMeter, counter },
    lost: () => {},
    busy: () => false,
    retired: () => {},
    indexed: after.indexed ?? Promise.resolve(),
  });
  const publish = async (number: number, document: RepositoryDocument): Promise<GenerationDocument> => {
    const before = generations.current('corp');
    const made = generation(number, { 'site/base': document });
    const lease = claims.beginRun('corp');
    await generations.publish(made);
    await upkeep.published(made, before);
    lease.end({});
    return made;
  };
  /** Waits until it sleeps for so long, and lets that time pass. */
  const pass = async (milliseconds: number): Promise<void> => {
    await clock.sleeping(milliseconds, milliseconds);
    clock.advance(milliseconds);
  };
  const end = async (): Promise<void> => {
    await upkeep.stop();
    await store[Symbol.asyncDispose]();
  };
  return { store, upkeep, clock, counted, publish, pass, [Symbol.asyncDispose]: end };
}

const keptOf = ({ generations }: UpkeepPieces): number => generations.kept('corp').length;

test('some minutes after the start generations are retired, and when their requests have ended the garbage goes', async () => {
  await using pop = await looked();
  const { store, upkeep, clock, counted, pass } = pop;
  const [old, fresh] = [await storedPackage(store, 'old.rpm'), await storedPackage(store, 'fresh.rpm')];
  await pop.publish(1, await storedRepository(store, [old]));
  await pop.publish(2, await storedRepository(store, [fresh]));
  clock.advance(2 * hour);
  expect(store.marks.protectionKnown).toBe(false);
  upkeep.begin();
  await clock.sleeping(5 * minute, 5 * minute);
  // What must not be evicted is known long before anything is removed.
  expect([store.marks.protectionKnown, keptOf(store), isHeld(store, old.listed)]).toEqual([true, 2, true]);
  await pass(5 * minute);
  await clock.sleeping(minute, minute);
  expect([keptOf(store), isHeld(store, old.listed)]).toEqual([1, true]);
  await pass(minute);
  await clock.sleeping(hour, hour);
  expect([isHeld(store, old.listed), isHeld(store, fresh.listed)]).toEqual([false, true]);
  expect(counted.get('retired_generations_total')).toBe(1);
  expect(counted.get('collected_bytes_total')).toBeGreaterThan(3_000);
});

test('what is superseded while it runs stays for its grace, and goes in the hour after', async () => {
  await using pop = await looked();
  const { store, upkeep, clock, pass } = pop;
  const one = await storedPackage(store, 'one.rpm');
  await pop.publish(1, await storedRepository(store, [one]));
  upkeep.begin();
  await pass(5 * minute);
  await pass(minute);
  await clock.sleeping(hour, hour);
  const two = await storedPackage(store, 'two.rpm');
  await pop.publish(2, await storedRepository(store, [two]));
  await pass(minute);
  // The pass that the flip asked for: ten minutes after the one before.
  await pass(9 * minute);
  await clock.sleeping(hour, hour);
  expect([keptOf(store), isHeld(store, one.listed)]).toEqual([2, true]);
  await pass(hour);
  await pass(minute);
  await clock.sleeping(minute, minute);
  expect([keptOf(store), isHeld(store, one.listed)]).toEqual([1, true]);
  await pass(minute);
  await clock.sleeping(hour, hour);
  expect([isHeld(store, one.listed), isHeld(store, two.listed)]).toEqual([false, true]);
});

test('nothing is marked or removed before the index knows every blob', async () => {
  const indexed = Promise.withResolvers<void>();
  await using pop = await looked({ indexed: indexed.promise });
  await pop.publish(1, await storedRepository(pop.store, []));
  pop.upkeep.begin();
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(pop.store.marks.protectionKnown).toBe(false);
  indexed.resolve();
  await pop.clock.sleeping(5 * minute, 5 * minute);
  expect(pop.store.marks.protectionKnown).toBe(true);
});

test('without flips a pass goes over everything once a day', async () => {
  await using pop = await looked();
  const { store, upkeep, clock, pass } = pop;
  await pop.publish(1, await storedRepository(store, []));
  upkeep.begin();
  await pass(5 * minute);
  await pass(minute);
  await clock.sleeping(hour, hour);
  const garbage = await storedPackage(store, 'garbage.rpm');
  store.marks.divideRuns();
  store.marks.releaseRuns();
  const wait = async (): Promise<void> => {
    await pass(hour);
    await pass(minute);
  };
  for (let hours = 0; hours < 23; hours += 1) await wait();
  await clock.sleeping(hour, hour);
  expect(isHeld(store, garbage.listed)).toBe(true);
  await wait();
  await pass(minute);
  await clock.sleeping(hour, hour);
  expect(isHeld(store, garbage.listed)).toBe(false);
});

test('a full repository cannot be evicted from the moment it is published', async () => {
  for (const full of [true, false]) {
    await using pop = await looked({ full });
    const { store } = pop;
    const pkg = await storedPackage(store, 'one.rpm');
    const document = await storedRepository(store, [pkg]);
    // What the run counted on is let go, so that nothing else holds it back.
    store.marks.divideRuns();
    store.marks.releaseRuns();
    store.marks.begin();
    store.marks.end();
    await pop.publish(1, document);
    expect(store.marks.isHeldBack('open', pkg.listed.digest)).toBe(full);
    expect(store.marks.isHeldBack('open', document.repomd.digest)).toBe(true);
  }
});

test('ends at once, wherever it is', async () => {
  await using pop = await looked();
  pop.upkeep.begin();
  await pop.clock.sleeping(5 * minute, 5 * minute);
  await pop.upkeep.stop();
});

test('a store with rules retires and collects, shows it in the served view, and closes', async () => {
  await using folder = await temporaryDirectory();
  const rules = {
    keeps: () => [{ subscription: 'corp', generations: 1, grace: 0 }],
    holds: () => 'none' as const,
    clock: { confirmed: true },
  };
  // What is waited for by the minute takes milliseconds.
  const sleep: Clock['sleep'] = (time, signal) => systemClock.sleep(time >= minute ? time / 10_000 : time, signal);
  const store = await openedStore(folder.path, { clock: { ...systemClock, sleep }, rules });
  await using _ = { [Symbol.asyncDispose]: () => store.close() };
  const document = await storedRepository(store, [await storedPackage(store, 'old.rpm')]);
  for (const number of [1, 2]) {
    const lease = store.beginRun('corp');
    await store.publish(
      generation(number, { 'site/base': number === 1 ? document : await storedRepository(store, []) }),
    );
    lease.end({});
  }
  const { epoch } = store.served;
  expect(await store.blobs.holds('open', document.repomd)).toBe(true);
  store.upkeep.begin();
  while (await store.blobs.holds('open', document.repomd)) await new Promise((resolve) => setImmediate(resolve));
  expect([store.served.epoch, store.kept('corp').length]).toEqual([epoch + 1, 1]);
  const targets = new Targets({ served: store.served, generations: store.generations, aliases: [] });
  const path = (number: number): string => `/generations/${generation(number).id}/site/base/repodata/repomd.xml`;
  expect(targets.of(path(2))).toMatchObject({ kind: 'file' });
  expect(() => targets.of(path(1))).toThrow('there is no generation');
});
