import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRetryAfter, remainingLifetime } from '../../http/freshness.ts';

describe('the lifetime of an unlisted file', () => {
  test.each([
    [1000, 1000, 500, 500],
    [1000, 1400, 500, 100],
    [1000, 1500, 500, 0],
    [1000, 9000, 500, 0],
    [1000, 1000, 0, 0],
    [1000, 999, 500, 0],
  ])('stored at %i, at %i with at most %i: %i left', (storedAt, now, maximum, left) => {
    expect(remainingLifetime({ storedAt, now, maximum })).toBe(left);
  });

  test('is never longer than its maximum, whatever the clock did', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (storedAt, now, maximum) => {
        const left = remainingLifetime({ storedAt, now, maximum });
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(maximum);
        if (left > 0) expect(remainingLifetime({ storedAt, now: now + left, maximum })).toBe(0);
      }),
    );
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-03-04T05:06:07.500Z');
  test.each([
    ['0', 0],
    ['120', 120],
    [' 7 ', 7],
    ['99999999999999999999999', 600],
    ['Wed, 04 Mar 2026 05:06:17 GMT', 10],
    ['Wed, 04 Mar 2026 05:06:07 GMT', 0],
    ['Wed, 04 Mar 2020 05:06:07 GMT', 0],
    ['Wed, 04 Mar 2099 05:06:07 GMT', 600],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    [null, null],
    [undefined, null],
  ])('%j is %j seconds, bounded by 600', (header, seconds) => {
    expect(parseRetryAfter(header, now, 600)).toBe(seconds);
  });
});
