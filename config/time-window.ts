/** A part of the week, as clocks on the wall of a time zone show it. */
export interface TimeWindow {
  /** The days on which it begins, Sunday first. */
  readonly days: readonly boolean[];
  /** Minutes of the day, 0 to 1440. `until` at or before `from`: it ends on the day after. */
  readonly from: number;
  readonly until: number;
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const wholeDay = 1440;

const day = `(?:${dayNames.join('|')})`;
const days = `${day}(?:-${day})?(?:,${day}(?:-${day})?)*`;
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d';
const times = `${time}-(?:${time}|24:00)`;

export const windowPattern = new RegExp(`^(?:${days} ${times}|${days}|${times})$`);

/**
 * Reads `Mon-Fri 07:00-19:00`, `Sat,Sun` or `22:00-06:00`. Days may go round the end of the week (`Fri-Mon`); times
 * that go past midnight belong to the day on which they begin.
 * @returns null when it is none of these, or ends when it begins.
 */
export function parseWindow(text: string): TimeWindow | null {
  if (!windowPattern.test(text)) return null;
  const words = text.split(' ');
  const hours = words.find((word) => word.includes(':')) ?? '00:00-24:00';
  const named = words.find((word) => !word.includes(':')) ?? 'Sun-Sat';
  const [from = 0, until = wholeDay] = hours.split('-').map(minuteOf);
  return from === until ? null : { days: daysOf(named), from, until };
}

/** Writes a window so that `parseWindow` gives it back. */
export function formatWindow({ days: chosen, from, until }: TimeWindow): string {
  // From Monday, as people name them.
  const names = [1, 2, 3, 4, 5, 6, 0].filter((index) => chosen[index]).map((index) => dayNames[index]);
  const hours = from === 0 && until === wholeDay ? [] : [`${timeText(from)}-${timeText(until)}`];
  return [...(names.length === 7 && hours.length > 0 ? [] : [names.join(',')]), ...hours].join(' ');
}

function daysOf(text: string): readonly boolean[] {
  const chosen = dayNames.map(() => false);
  for (const range of text.split(',')) {
    const [first = -1, last = first] = range.split('-').map((name) => (dayNames as readonly string[]).indexOf(name));
    for (let at = first; ; at = (at + 1) % 7) {
      chosen[at] = true;
      if (at === last) break;
    }
  }
  return chosen;
}

function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}

function timeText(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
