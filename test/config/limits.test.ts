import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkConfig } from '../../config/check.ts';
import { describe as described } from '../../config/describe.ts';
import { parseConfig } from '../../config/load.ts';
import { formatWindow, parseWindow } from '../../config/time-window.ts';
import { configFile } from './config-file.ts';

const none = [false, false, false, false, false, false, false];
/** Sunday is 0. */
const on = (...days: readonly number[]): boolean[] => none.map((_, day) => days.includes(day));
const always = on(0, 1, 2, 3, 4, 5, 6);

test.each([
  ['Mon-Fri 07:00-19:00', { days: on(1, 2, 3, 4, 5), from: 420, until: 1140 }],
  ['Sat,Sun', { days: on(6, 0), from: 0, until: 1440 }],
  ['22:00-06:00', { days: always, from: 1320, until: 360 }],
  ['Fri 22:00-06:30', { days: on(5), from: 1320, until: 390 }],
  ['Fri-Mon', { days: on(5, 6, 0, 1), from: 0, until: 1440 }],
  ['Mon-Wed,Fri,Sat-Sun 00:00-24:00', { days: on(1, 2, 3, 5, 6, 0), from: 0, until: 1440 }],
  ['Mon 00:00-00:01', { days: on(1), from: 0, until: 1 }],
  ['Mon-Fri 07:00-07:00', null],
  ['', null],
  ['Mon ', null],
  ['mon', null],
  ['Mon-', null],
  ['Mon,', null],
  ['Monday', null],
  ['07:00', null],
  ['7:00-8:00', null],
  ['07:60-08:00', null],
  ['24:00-08:00', null],
  ['23:00-24:01', null],
  ['07:00-19:00 Mon', null],
  ['Mon 07:00-08:00 09:00-10:00', null],
])('the window %j is read', (text, window) => {
  expect(parseWindow(text)).toEqual(window);
});

test('a window that is written is read as the same', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const window = fc
    .record({
      days: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }).filter((days) => days.includes(true)),
      from: minute,
      until: fc.oneof(minute, fc.constant(1440)),
    })
    .filter(({ from, until }) => from !== until);
  fc.assert(
    fc.property(window, (made) => {
      expect(parseWindow(formatWindow(made))).toEqual(made);
    }),
  );
});

const office = { days: on(1, 2, 3, 4, 5), from: 420, until: 1140 };

const text = `limits:
  - { rate: 20MiB/s, during: "Mon-Fri 07:00-19:00", timezone: Europe/Paris }
  - { rate: 100MiB/s }
  - { background: off, during: "Mon-Fri 07:00-19:00" }
transfers: { perHub: 4 }
`;

test('limits and transfers are taken as written, with UTC and the other bound by default', () => {
  const { limits, transfers } = parseConfig(text, '/w.yaml', null);
  expect(limits).toEqual([
    { rate: 20 * 2 ** 20, pausesBackground: false, during: office, timezone: 'Europe/Paris' },
    { rate: 100 * 2 ** 20, pausesBackground: false, during: null, timezone: 'UTC' },
    { rate: null, pausesBackground: true, during: office, timezone: 'UTC' },
  ]);
  expect(transfers).toEqual({ perHub: 4, total: 32 });
});

test('limits are shown in the words of the file', () => {
  const shown = described(parseConfig(text, '/w.yaml', null));
  expect(shown).toContain('during: Mon,Tue,Wed,Thu,Fri 07:00-19:00\n    timezone: Europe/Paris\n  - rate: 100MiB/s\n');
  expect(parseConfig(shown, '/w.yaml', null).limits).toEqual(parseConfig(text, '/w.yaml', null).limits);
});

test('everything that is wrong with limits is said together', () => {
  const file = configFile('limits:\n  - {}\n  - { background: off }\n  - { rate: 0B/s }\n');
  expect(checkConfig(file).lines.map((line) => line.replace(`${file}:`, '').split(':', 3)[2])).toEqual([
    ' limits.0.rate',
    ' limits.1.background',
    ' limits.2.rate',
  ]);
});

test.each([
  ['limits:\n  - {}\n', '2:5: limits.0.rate: is missing: it must be a rate such as 20MiB/s, and more than 0'],
  ['limits:\n  - { background: on, during: Sat }\n', '2:19: limits.0.background: must be off'],
  ['limits:\n  - { background: off }\n', '2:7: limits.0.background: needs during beside it: without times nothing'],
  [
    'limits:\n  - { during: Sat }\n',
    '2:5: limits.0.rate: is missing: it must be a rate such as 20MiB/s, and more than 0',
  ],
  ['limits:\n  - rate: 0B/s\n', '2:11: limits.0.rate: must be a rate such as 20MiB/s, and more than 0'],
  ['limits:\n  - rate: 1MiB\n', '2:11: limits.0.rate: must be a rate such as'],
  ['limits:\n  - rate: 1MiB/s\n    during: Mo-Fr\n', '3:13: limits.0.during: must be days and times such as Mon-Fri'],
  ['limits:\n  - rate: 1MiB/s\n    timezone: Mars/Base\n', '3:15: limits.0.timezone: must be a time zone such as'],
  ['limits: { rate: 1MiB/s }\n', '1:9: limits: must be a list of limits'],
  ['transfers: { perHub: 0 }\n', '1:22: transfers.perHub: must be a whole number from 1 to 64'],
  ['transfers: { total: 1.5 }\n', '1:21: transfers.total: must be a whole number from 1 to 256'],
  ['transfers: { total: many }\n', '1:21: transfers.total: must be a whole number from 1 to 256'],
])('%j is refused with its line', (bad, problem) => {
  const file = configFile(bad);
  const { lines } = checkConfig(file);
  expect(lines.map((line) => line.replace(`${file}:`, '').slice(0, problem.length))).toEqual([problem]);
});
