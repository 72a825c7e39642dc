import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Upcoming } from '../../mirror/upcoming.ts';

async function* slowly(blocks: readonly (readonly number[])[]): AsyncGenerator<readonly number[]> {
  for (const block of blocks) {
    await setImmediate();
    yield block;
  }
}

/** Takes one after the other, with something else to do in between. */
async function worker(upcoming: Upcoming<number>, taken: number[]): Promise<void> {
  for (;;) {
    const next = upcoming.take();
    if (next !== null) taken.push(next);
    else if (!(await upcoming.more())) return;
    if (next !== null && next % 3 === 0) await setImmediate();
  }
}

test('several who work take each item once, in order, also over empty blocks', async () => {
  const blocks = [[], [0, 1, 2], [], [3], Array.from({ length: 100 }, (_, number) => 4 + number), []];
  const upcoming = new Upcoming(slowly(blocks));
  const taken: number[] = [];
  await Promise.all(Array.from({ length: 8 }, () => worker(upcoming, taken)));
  expect(taken).toEqual(blocks.flat());
});

test('what is wrong with the blocks is told to all who wait', async () => {
  const broken = async function* (): AsyncGenerator<readonly number[]> {
    yield [1];
    throw new Error('damaged');
  };
  const upcoming = new Upcoming(broken());
  expect(await upcoming.more()).toBe(true);
  expect(upcoming.take()).toBe(1);
  const told = await Promise.allSettled([upcoming.more(), upcoming.more()]);
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
