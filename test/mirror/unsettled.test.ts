import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Unsettled } from '../../mirror/unsettled.ts';

/** Whether a promise has settled by the next turn. */
async function settled(promise: Promise<void>): Promise<boolean> {
  const state = { over: false };
  void promise.then(() => (state.over = true));
  await setImmediate();
  return state.over;
}

test('there is room until as many files wait as may, and again when one has settled', async () => {
  const unsettled = new Unsettled({ files: 2, bytes: 1_000 });
  const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  unsettled.add(one.promise, 1);
  expect(await settled(unsettled.room())).toBe(true);
  unsettled.add(two.promise, 1);
  const room = unsettled.room();
  expect(await settled(room)).toBe(false);
  one.resolve();
  expect(await settled(room)).toBe(true);
  const end = unsettled.end();
  expect(await settled(end)).toBe(false);
  two.resolve();
  expect(await settled(end)).toBe(true);
});

test('more bytes than may wait are taken once, and then waited for', async () => {
  const unsettled = new Unsettled({ files: 10, bytes: 1_000 });
  const large = Promise.withResolvers<void>();
  unsettled.add(large.promise, 5_000);
  const room = unsettled.room();
  expect(await settled(room)).toBe(false);
  large.resolve();
  expect(await settled(room)).toBe(true);
  unsettled.add(Promise.withResolvers<void>().promise, 1);
  expect(await settled(unsettled.room())).toBe(true);
});
