import { describe, expect, test } from 'vitest';
import { agoText, bytesText, countText, spanText } from '../../../gateway/page/figures.ts';

describe('figures', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KiB'],
    [1024, '1 KiB'],
    [12_000, '11.7 KiB'],
    [102_348, '99.9 KiB'],
    [1024 * 999, '999 KiB'],
    [1024 * 1000, '1 MiB'],
    [200 * 1024 ** 3, '200 GiB'],
    [5000 * 1024 ** 5, '5000 PiB'],
  ])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1\u202f000'],
    [1_234_567, '1\u202f234\u202f567'],
  ])('%d counts as %s', (count, text) => expect(countText(count)).toBe(text));

  test.each([
    [-5, '0 s'],
    [999, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000 * 23.9, '23 h'],
    [86_400_000 * 400, '400 d'],
  ])('%d milliseconds are %s', (milliseconds, text) => expect(spanText(milliseconds)).toBe(text));

  test('a moment is told by how long ago it was; the future and now are just now', () => {
    const now = Date.parse('2026-11-23T10:15:00Z');
    expect(agoText('2026-11-23T10:14:00Z', now)).toBe('1 min ago');
    expect(agoText('2026-11-23T10:15:00Z', now)).toBe('just now');
    expect(agoText('2026-11-24T10:15:00Z', now)).toBe('just now');
    expect(agoText(null, now)).toBeNull();
    expect(agoText('yesterday', now)).toBeNull();
  });
});
