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

const isThere = (room: void | Promise<void>): boolean => room === undefined;

test('there is room until as many files wait as may, and again when one has settled', async () => {
  const unsettled = new Unsettled({ files: 2, bytes: 1_000 });
  unsettled.add(1);
  expect(isThere(unsettled.room())).toBe(true);
  unsettled.add(1);
  const room = Promise.resolve(unsettled.room());
  expect(await settled(room)).toBe(false);
  unsettled.settled(1);
  expect(await settled(room)).toBe(true);
  expect(isThere(unsettled.room())).toBe(true);
  const end = unsettled.end();
  expect(await settled(end)).toBe(false);
  unsettled.settled(1);
  expect(await settled(end)).toBe(true);
});

test('more bytes than may wait are taken once, and then waited for', async () => {
  const unsettled = new Unsettled({ files: 10, bytes: 1_000 });
  unsettled.add(5_000);
  const room = Promise.resolve(unsettled.room());
  expect(await settled(room)).toBe(false);
  unsettled.settled(5_000);
  expect(await settled(room)).toBe(true);
  unsettled.add(1);
  expect(isThere(unsettled.room())).toBe(true);
});
