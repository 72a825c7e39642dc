import { describe, expect, test } from 'vitest';
import { bufferPool } from '../../web/buffer-pool.ts';

const small = [
  { size: 512, maximum: 2, kept: 1 },
  { size: 64, maximum: 2, kept: 2 },
  { size: 16, maximum: Infinity, kept: 0 },
];

describe('the buffer pool', () => {
  test('lends the smallest buffer that holds what is wanted', () => {
    const pool = bufferPool(small);
    expect([1000, 512, 65, 64, 17, 16, 0].map((wanted) => bufferPool(small).lend(wanted).length)).toEqual([
      512, 512, 512, 64, 64, 16, 16,
    ]);
    expect(pool.lend(Infinity).length).toBe(512);
  });

  test('lends smaller ones when many are out, and never refuses', () => {
    const pool = bufferPool(small);
    expect(Array.from({ length: 6 }, () => pool.lend(Infinity).length)).toEqual([512, 512, 64, 64, 16, 16]);
    expect(pool.lent).toBe(2 * 512 + 2 * 64 + 2 * 16);
  });

  test('lends a returned buffer again, and large ones once there is room', () => {
    const pool = bufferPool(small);
    const [first, second] = [pool.lend(512), pool.lend(512)];
    expect(first).not.toBe(second);
    pool.giveBack(second);
    expect(pool.lend(512)).toBe(second);
  });

  test('keeps no more than its share of idle buffers', () => {
    const pool = bufferPool(small);
    const [first, second] = [pool.lend(512), pool.lend(512)];
    pool.giveBack(first);
    pool.giveBack(second);
    expect(pool.lend(512)).toBe(first);
    expect(pool.lend(512)).not.toBe(second);
  });

  test('never lends a forgotten buffer again', () => {
    const pool = bufferPool(small);
    const first = pool.lend(512);
    pool.forget(first);
    expect(pool.lent).toBe(0);
    expect(pool.lend(512)).not.toBe(first);
  });

  test('refuses a buffer that it did not lend, or that came back already', () => {
    const pool = bufferPool(small);
    const buffer = pool.lend(512);
    pool.giveBack(buffer);
    expect(() => pool.giveBack(buffer)).toThrow('invariant');
    expect(() => pool.giveBack(Buffer.alloc(100))).toThrow('invariant');
  });

  test('holds a thousand stalled readers in less than 80 MiB', () => {
    const pool = bufferPool();
    for (let index = 0; index < 1000; index++) pool.lend(100e6);
    expect(pool.lent).toBeLessThan(80 * 1024 * 1024);
  });
});
