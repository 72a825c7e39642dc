import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Store } from '../../cache/store.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { roomy } from './pieces.ts';
import { hour, storedPackage, storedRepository } from './upkeep-pieces.ts';

const minute = 60_000;

/** A whole store of which one generation is kept, with nothing under way. */
async function opened(options: { root: string; full?: boolean }) {
  const clock = new StandingClock(Date.UTC(2026, 10, 30));
  const counted = new Map<string, number>();
  const meter = {
    ...silentMeter,
    counter: (name: string) => ({
      inc: (_: object, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value),
    }),
  };
  const rules = {
    keeps: () => [{ subscription: 'corp', generations: 1, grace: hour }],
    isFull: () => options.full === true,
    clock: { confirmed: true },
  };
  const lock = async () => ({ release: () => {} });
  const store = await Store.open({ ...options, limits: roomy, clock, log: silentLogger, meter, rules, lock });
  await store.recovered;
  const layout = new Layout(options.root);
  const isHeld = (listed: Listed): boolean => existsSync(layout.blob('open', listed));
  const publish = async (number: number, document: RepositoryDocument): Promise<GenerationDocument> => {
    const made = generation(number, { 'site/base': document });
    const lease = store.beginRun('corp');
    await store.publish(made);
    lease.end({});
    return made;
  };
  /** Waits until somebody sleeps for so long, and lets that time pass. */
  const pass = async (milliseconds: number): Promise<void> => {
    await clock.sleeping(milliseconds, milliseconds);
    clock.advance(milliseconds);
  };
  return { store, clock, counted, isHeld, publish, pass, [Symbol.asyncDispose]: () => store.close() };
}

test('some minutes after the start generations are retired, and when their requests have ended the garbage goes', async () => {
  await using folder = await temporaryDirectory();
  await using pop = await opened({ root: folder.path });
  const { store, isHeld, pass, counted } = pop;
  const [old, fresh] = [await storedPackage(store, 'old.rpm'), await storedPackage(store, 'fresh.rpm')];
  await pop.publish(1, await storedRepository(store, [old]));
  const current = await pop.publish(2, await storedRepository(store, [fresh]));
  pop.clock.advance(2 * hour);
  expect(store.marks.protectionKnown).toBe(false);
  store.upkeep.begin();
  const { epoch } = store.served;
  await pop.clock.sleeping(5 * minute, 5 * minute);
  expect([store.marks.protectionKnown, store.kept('corp').length]).toEqual([true, 2]);
  await pass(5 * minute);
  await pop.clock.sleeping(minute, minute);
  expect([store.kept('corp'), isHeld(old.listed)]).toEqual([[current], true]);
  expect(store.served.epoch).toBe(epoch + 1);
  await pass(minute);
  await pop.clock.sleeping(hour, hour);
  expect([isHeld(old.listed), isHeld(fresh.listed)]).toEqual([false, true]);
  expect(counted.get('retired_generations_total')).toBe(1);
  expect(counted.get('collected_bytes_total')).toBeGreaterThan(3_000);
});

test('what is superseded while it runs stays for its grace, and goes in the hour after', async () => {
  await using folder = await temporaryDirectory();
  await using pop = await opened({ root: folder.path });
  const { store, isHeld, pass } = pop;
  const one = await storedPackage(store, 'one.rpm');
  await pop.publish(1, await storedRepository(store, [one]));
  store.upkeep.begin();
  await pass(5 * minute);
  await pass(minute);
  await pop.clock.sleeping(hour, hour);
  const two = await storedPackage(store, 'two.rpm');
  await pop.publish(2, await storedRepository(store, [two]));
  await pass(minute);
  // Between two passes there is a rest.
  await pass(9 * minute);
  await pop.clock.sleeping(hour, hour);
  expect([store.kept('corp').length, isHeld(one.listed)]).toEqual([2, true]);
  await pass(hour);
  await pass(minute);
  await pass(minute);
  await pop.clock.sleeping(hour, hour);
  expect([store.kept('corp').length, isHeld(one.listed), isHeld(two.listed)]).toEqual([1, false, true]);
});

test('a full repository cannot be evicted from the moment it is published', async () => {
  for (const full of [true, false]) {
    await using folder = await temporaryDirectory();
    await using pop = await opened({ root: folder.path, full });
    const { store } = pop;
    const pkg = await storedPackage(store, 'one.rpm');
    const document = await storedRepository(store, [pkg]);
    // What the run counted on is let go, so that nothing else holds it back.
    store.marks.divideRuns();
    store.marks.releaseRuns();
    await pop.publish(1, document);
    expect(store.marks.isHeldBack('open', pkg.listed.digest)).toBe(full);
    expect(store.marks.isHeldBack('open', document.repomd.digest)).toBe(true);
  }
});

test('ends at once, wherever it is', async () => {
  await using folder = await temporaryDirectory();
  await using pop = await opened({ root: folder.path });
  pop.store.upkeep.begin();
  await pop.clock.sleeping(5 * minute, 5 * minute);
  await pop.store.upkeep.stop();
});
