import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Exclusive } from '../../cache/blobs/exclusive.ts';

test('work on one path goes one after the other, also when it fails, and that on others beside it', async () => {
  const exclusive = new Exclusive();
  const done: string[] = [];
  const work = async (name: string, fails = false): Promise<void> => {
    done.push(`${name} begins`);
    await setImmediate();
    done.push(`${name} ends`);
    if (fails) throw new Error('the disk');
  };
  const all = await Promise.allSettled([
    exclusive.run('a', () => work('one', true)),
    exclusive.run('a', () => work('two')),
    exclusive.run('b', () => work('other')),
    exclusive.run('a', () => work('three')),
  ]);
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(done.filter((line) => !line.startsWith('other'))).toEqual([
    'one begins',
    'one ends',
    'two begins',
    'two ends',
    'three begins',
    'three ends',
  ]);
  expect(done.indexOf('other begins')).toBeLessThan(done.indexOf('one ends'));
  expect(exclusive.busy('a')).toBe(false);
});

test('who enters a free path need not wait; who looks on is told when it is idle', async () => {
  const exclusive = new Exclusive();
  expect(exclusive.enter('a')).toBe(undefined);
  const told: string[] = [];
  const next = Promise.resolve(exclusive.enter('a')).then(() => told.push('next'));
  const idle = exclusive.idle('a').then(() => told.push('idle'));
  await setImmediate();
  expect(told).toEqual([]);
  exclusive.leave('a');
  await next;
  expect(exclusive.busy('a')).toBe(true);
  exclusive.leave('a');
  await idle;
  expect(exclusive.busy('a')).toBe(false);
});
