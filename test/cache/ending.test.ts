import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Ending } from '../../cache/fills/ending.ts';

test('all who ask are told of the first end, before and after it', async () => {
  const ending = new Ending<number>();
  const before = ending.promise;
  const told: number[] = [];
  ending.tell({ resolved: (value) => told.push(value), rejected: () => told.push(-1) });
  ending.resolve(1);
  ending.resolve(2);
  ending.reject(new Error('too late'));
  ending.tell({ resolved: (value) => told.push(value), rejected: () => told.push(-1) });
  expect([await before, await ending.promise, ...told]).toEqual([1, 1, 1, 1]);
});

test('an error that nobody asked about is no unhandled rejection, and is told to who asks later', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    const ending = new Ending<void>();
    ending.reject(new Error('the disk is full'));
    await setImmediate();
    await setImmediate();
    expect(unhandled).toEqual([]);
    await expect(ending.promise).rejects.toThrow('the disk is full');
  } finally {
    process.off('unhandledRejection', note);
  }
});
