import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../http/http-date.ts';

const moment = Date.parse('1994-11-06T08:49:37Z');

test.each([
  ['Sun, 06 Nov 1994 08:49:37 GMT', moment],
  ['Sunday, 06-Nov-94 08:49:37 GMT', moment],
  ['Sun Nov  6 08:49:37 1994', moment],
  [' Sun, 06 Nov 1994 08:49:37 GMT ', moment],
  ['Thu, 29 Feb 2024 00:00:00 GMT', Date.parse('2024-02-29T00:00:00Z')],
  ['Friday, 01-Mar-30 00:00:00 GMT', Date.parse('2030-03-01T00:00:00Z')],
  ['Sat, 31 Dec 2016 23:59:60 GMT', Date.parse('2017-01-01T00:00:00Z')],
])('%j is a date', (text, expected) => {
  expect(parseHttpDate(text)).toBe(expected);
});

test.each([
  [''],
  ['0'],
  ['1994-11-06T08:49:37Z'],
  ['Sun, 06 Nov 1994 08:49:37'],
  ['Sun, 06 Nov 1994 08:49:37 UTC'],
  ['Sun, 06 Nov 1994 08:49:37 +0000'],
  ['sun, 06 nov 1994 08:49:37 gmt'],
  ['Sun, 6 Nov 1994 08:49:37 GMT'],
  ['Thu, 30 Feb 2023 00:00:00 GMT'],
  ['Wed, 29 Feb 2023 00:00:00 GMT'],
  ['Sun, 00 Nov 1994 08:49:37 GMT'],
  ['Sun, 06 Nov 1994 24:00:00 GMT'],
  ['Sun, 06 Nov 1994 08:60:00 GMT'],
  ['Sun, 06 Nov 1994 08:49:61 GMT'],
])('%j is none', (text) => {
  expect(parseHttpDate(text)).toBeNull();
});

test('what is written is read back, to the second', () => {
  const limits = { min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true };
  fc.assert(
    fc.property(fc.date(limits), (date) => {
      expect(parseHttpDate(formatHttpDate(date.getTime()))).toBe(Math.floor(date.getTime() / 1000) * 1000);
    }),
  );
});
