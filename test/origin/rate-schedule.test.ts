import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import type { RateLimit } from '../../origin/rate-schedule.ts';

const minute = 60_000;
const every = [true, true, true, true, true, true, true];
const workdays = [false, true, true, true, true, true, false];

const at = (text: string): number => Date.parse(text);
const shown = ({ rate, until }: { rate: number | null; until: number | null }): unknown[] => [
  rate,
  until === null ? null : new Date(until).toISOString(),
];

function limit(rate: number, during: RateLimit['during'] = null, timezone = 'UTC'): RateLimit {
  return { rate, during, timezone };
}

test('nothing limits where there is no limit, and a limit without times holds for ever', () => {
  expect(new RateSchedule([]).at(0)).toEqual({ rate: null, until: null });
  expect(new RateSchedule([limit(5)]).at(0)).toEqual({ rate: 5, until: null });
});

test('of the limits that apply the strictest counts, whatever their order', () => {
  const office = limit(20, { days: workdays, from: 420, until: 1140 }, 'Europe/Paris');
  for (const limits of [
    [limit(100), office],
    [office, limit(100)],
  ]) {
    const schedule = new RateSchedule(limits);
    // A Wednesday in winter: Paris is an hour ahead of UTC.
    expect(shown(schedule.at(at('2026-01-14T05:59:59Z')))).toEqual([100, '2026-01-14T06:00:00.000Z']);
    expect(shown(schedule.at(at('2026-01-14T06:00:00Z')))).toEqual([20, '2026-01-14T18:00:00.000Z']);
    // Friday evening until Monday morning.
    expect(shown(schedule.at(at('2026-01-16T18:00:00Z')))).toEqual([100, '2026-01-19T06:00:00.000Z']);
  }
});

test('windows that touch or overlap are one where they mean the same rate', () => {
  const schedule = new RateSchedule([
    limit(5, { days: every, from: 0, until: 720 }),
    limit(5, { days: every, from: 600, until: 1440 }),
  ]);
  expect(schedule.at(at('2026-01-14T11:00:00Z'))).toEqual({ rate: 5, until: null });
});

test('a window past midnight belongs to the day on which it begins', () => {
  const friday = [false, false, false, false, false, true, false];
  const schedule = new RateSchedule([limit(5, { days: friday, from: 1320, until: 360 })]);
  expect(shown(schedule.at(at('2026-01-16T21:59:00Z')))).toEqual([null, '2026-01-16T22:00:00.000Z']);
  expect(shown(schedule.at(at('2026-01-17T03:00:00Z')))).toEqual([5, '2026-01-17T06:00:00.000Z']);
  expect(shown(schedule.at(at('2026-01-17T06:00:00Z')))).toEqual([null, '2026-01-23T22:00:00.000Z']);
});

describe('when the clocks change', () => {
  const night = new RateSchedule([limit(5, { days: every, from: 1320, until: 360 }, 'Europe/Paris')]);

  test('a night is an hour shorter in spring and longer in autumn', () => {
    expect(shown(night.at(at('2026-03-28T21:00:00Z')))).toEqual([5, '2026-03-29T04:00:00.000Z']);
    expect(shown(night.at(at('2026-10-24T20:00:00Z')))).toEqual([5, '2026-10-25T05:00:00.000Z']);
  });

  test('an hour that does not exist is no window, one that comes twice is two', () => {
    const early = new RateSchedule([limit(5, { days: every, from: 130, until: 170 }, 'Europe/Paris')]);
    expect(shown(early.at(at('2026-03-28T12:00:00Z')))).toEqual([null, '2026-03-30T00:10:00.000Z']);
    expect(shown(early.at(at('2026-10-25T00:10:00Z')))).toEqual([5, '2026-10-25T00:50:00.000Z']);
    expect(shown(early.at(at('2026-10-25T00:50:00Z')))).toEqual([null, '2026-10-25T01:10:00.000Z']);
  });

  test('every instant has the rate that the wall shows, and no change is missed or made up', () => {
    const zones = ['Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'];
    const edge = fc.oneof(
      fc.integer({ min: 0, max: 1439 }),
      fc.integer({ min: 0, max: 47 }).map((half) => half * 30),
    );
    const limits = fc.array(
      fc.record({
        rate: fc.integer({ min: 1, max: 3 }),
        during: fc
          .record({ days: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }), from: edge, until: edge })
          .filter(({ from, until }) => from !== until),
        timezone: fc.constantFrom(...zones),
      }),
      { minLength: 1, maxLength: 3 },
    );
    // Around each change of a clock in 2026, and at rest.
    const moments = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01', '2026-07-01'];
    const start = fc.tuple(fc.constantFrom(...moments), fc.integer({ min: -1440, max: 1440 }));
    fc.assert(
      fc.property(limits, start, (made, [day, minutes]) => {
        const schedule = new RateSchedule(made);
        const from = at(`${day}T00:00:00Z`) + minutes * minute;
        const { rate, until } = schedule.at(from);
        const last = Math.min(until ?? Infinity, from + 1440 * minute);
        for (let now = from; now < last; now += 7 * minute) expect(rateByWall(made, now)).toBe(rate);
        if (until === null) return;
        expect(rateByWall(made, until - 1)).toBe(rate);
        expect(rateByWall(made, until)).not.toBe(rate);
      }),
      { numRuns: 60 },
    );
  });
});

/** The rule in the words of the documentation: a window holds while the wall shows a time in it. */
function rateByWall(limits: readonly RateLimit[], now: number): number | null {
  const rates = limits
    .filter(({ during, timezone }) => {
      if (during === null) return true;
      const text = new Date(now).toLocaleString('en-GB', {
        timeZone: timezone,
        weekday: 'short',
        timeStyle: undefined,
        hour: '2-digit',
        minute: '2-digit',
      });
      const [, name = '', hours = '', minutes = ''] = /^(\w{3}),? (\d\d):(\d\d)/.exec(text) ?? [];
      const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(name);
      const time = Number(hours) * 60 + Number(minutes);
      const { days, from, until } = during;
      if (from < until) return days[day] === true && time >= from && time < until;
      return (days[day] === true && time >= from) || (days[(day + 6) % 7] === true && time < until);
    })
    .flatMap(({ rate }) => rate ?? []);
  return rates.length === 0 ? null : Math.min(...rates);
}

describe('pauses of background work', () => {
  const off = { rate: null, pausesBackground: true, timezone: 'UTC' };
  const office = { ...off, during: { days: workdays, from: 420, until: 1140 }, timezone: 'Europe/Paris' };

  test('are no rate, and last as long as their windows say together', () => {
    const schedule = new RateSchedule([office, { ...off, during: { days: every, from: 1080, until: 1200 } }]);
    // A Friday in winter: Paris is an hour ahead of UTC.
    const noon = at('2026-01-16T12:00:00Z');
    expect(schedule.at(noon)).toEqual({ rate: null, until: null });
    expect(schedule.pause(noon)).toEqual({ until: at('2026-01-16T20:00:00Z') });
    expect(schedule.pause(at('2026-01-16T20:00:00Z'))).toBe(null);
    expect(schedule.pause(at('2026-01-17T12:00:00Z'))).toBe(null);
    expect([schedule.pauses, new RateSchedule([limit(5)]).pauses]).toEqual([true, false]);
  });

  test('come on top of rates, in the time that bytes take', () => {
    const schedule = new RateSchedule([office, limit(1000)]);
    expect(schedule.at(at('2026-01-14T12:00:00Z'))).toEqual({ rate: 1000, until: null });
    // Ten seconds before a pause of twelve hours.
    expect(schedule.millisecondsFor(10_000, at('2026-01-14T05:59:50Z'))).toBe(10_000);
    expect(schedule.millisecondsFor(20_000, at('2026-01-14T05:59:50Z'))).toBe(20_000 + 12 * 60 * minute);
    expect(new RateSchedule([office]).millisecondsFor(20_000, at('2026-01-14T17:00:00Z'))).toBe(60 * minute);
  });

  test('that cover the week never end, and nothing is ever transferred', () => {
    const schedule = new RateSchedule([{ ...off, during: { days: every, from: 0, until: 1440 } }]);
    expect(schedule.pause(0)).toEqual({ until: null });
    expect(schedule.millisecondsFor(1, 0)).toBe(Infinity);
  });
});

describe('how long bytes take', () => {
  const schedule = new RateSchedule([
    limit(1000, { days: every, from: 420, until: 1140 }),
    limit(4000, { days: every, from: 1140, until: 420 }),
  ]);

  test('is counted by the rates that come into force meanwhile', () => {
    const from = at('2026-01-14T18:59:50Z');
    expect(schedule.millisecondsFor(10_000, from)).toBe(10_000);
    expect(schedule.millisecondsFor(50_000, from)).toBe(20_000);
    expect(schedule.millisecondsFor(0, from)).toBe(0);
  });

  test('ends where nothing limits any more', () => {
    const office = new RateSchedule([limit(1000, { days: every, from: 420, until: 1140 })]);
    expect(office.millisecondsFor(1e12, at('2026-01-14T18:59:50Z'))).toBe(10_000);
    expect(office.millisecondsFor(1e12, at('2026-01-14T20:00:00Z'))).toBe(0);
  });

  test('of very many bytes goes on at the mean rate', () => {
    const years = schedule.millisecondsFor(1e12, at('2026-01-14T00:00:00Z'));
    // 12 hours a day at 1,000 and 12 at 4,000 bytes a second: 2,500 on the mean.
    expect(years / 1000 / (1e12 / 2500)).toBeCloseTo(1, 2);
  });
});
