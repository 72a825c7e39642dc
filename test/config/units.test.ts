import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../config/durations.ts';
import {
  bytesOf,
  formatShare,
  formatSize,
  parsePercent,
  parseRate,
  parseShare,
  parseSize,
} from '../../config/sizes.ts';

test.each([
  ['20MiB', 20_971_520],
  ['200GiB', 214_748_364_800],
  ['0B', 0],
  ['1PiB', 2 ** 50],
  ['7PiB', 7 * 2 ** 50],
  ['9PiB', null],
  ['20MB', null],
  ['20', null],
  ['20 MiB', null],
  ['1.5GiB', null],
  ['-1MiB', null],
  ['20mib', null],
  ['', null],
])('the size %j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ['500ms', 500],
  ['60s', 60_000],
  ['5m', 300_000],
  ['72h', 259_200_000],
  ['7d', 604_800_000],
  ['0s', 0],
  ['5', null],
  ['1h30m', null],
  ['1.5h', null],
  ['-1s', null],
  ['5 m', null],
  ['5M', null],
  ['99999999999999d', null],
])('the duration %j is %j milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  ['5%', 5],
  ['2.5%', 2.5],
  ['0%', 0],
  ['100%', 100],
  ['100.1%', null],
  ['101%', null],
  ['5', null],
  ['-5%', null],
])('the percentage %j is %j', (text, percent) => {
  expect(parsePercent(text)).toEqual(percent === null ? null : { percent });
});

test('a rate is bytes a second', () => {
  expect(parseRate('20MiB/s')).toBe(20_971_520);
  expect(parseRate('20MiB')).toBeNull();
  expect(parseRate('20MiB/m')).toBeNull();
});

test('a share of a disk is bytes as they are, or that part of the whole, rounded down', () => {
  expect(bytesOf(1000, 10)).toBe(1000);
  expect(bytesOf({ percent: 2.5 }, 1001)).toBe(25);
});

test('sizes, shares and durations are read back as they were written', () => {
  const amount = fc.maxSafeNat();
  fc.assert(fc.property(amount, (bytes) => parseSize(formatSize(bytes)) === bytes));
  fc.assert(fc.property(amount, (milliseconds) => parseDuration(formatDuration(milliseconds)) === milliseconds));
  const percent = fc.integer({ min: 0, max: 1000 }).map((tenths) => ({ percent: tenths / 10 }));
  fc.assert(
    fc.property(fc.oneof(amount, percent), (share) => {
      expect(parseShare(formatShare(share))).toEqual(share);
    }),
  );
});

test('a size is written in the largest unit that divides it', () => {
  const exponents = fc.integer({ min: 0, max: 4 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1023 }), exponents, (count, exponent) => {
      expect(formatSize(count * 1024 ** exponent)).toBe(`${count}${['B', 'KiB', 'MiB', 'GiB', 'TiB'][exponent]}`);
    }),
  );
});

test('no text makes a reader throw or give anything but a whole, exact number', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^\d{0,30}(\.\d+)?(B|KiB|ms|s|m|h|d|PiB)?$/));
  fc.assert(
    fc.property(text, (written) => {
      for (const value of [parseSize(written), parseDuration(written)]) {
        expect(value === null || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
      }
    }),
  );
});
