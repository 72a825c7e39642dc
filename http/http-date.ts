const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const shortDay = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDay = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const month = `(?<month>${months.join('|')})`;
const time = '(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})';

/** IMF-fixdate, the obsolete RFC 850 form and asctime: a recipient must read all three (RFC 9110 §5.6.7). */
const forms = [
  new RegExp(`^${shortDay}, (?<day>[0-9]{2}) ${month} (?<year>[0-9]{4}) ${time} GMT$`),
  new RegExp(`^${longDay}, (?<day>[0-9]{2})-${month}-(?<year>[0-9]{2}) ${time} GMT$`),
  new RegExp(`^${shortDay} ${month} (?<day>[0-9 ][0-9]) ${time} (?<year>[0-9]{4})$`),
];

/**
 * Reads an HTTP-date. Years of two digits are taken as 1970 to 2069. The name of the day is not compared with the date.
 * @returns milliseconds since the epoch; null when it is not an HTTP-date or no such day or time exists.
 */
export function parseHttpDate(text: string): number | null {
  if (text !== last.text) last = { text, date: readHttpDate(text) };
  return last.date;
}

/** A sync reads the same Date for each answer of a second. */
let last: { readonly text: string; readonly date: number | null } = { text: '', date: null };

function readHttpDate(text: string): number | null {
  for (const form of forms) {
    const fields = form.exec(text.trim())?.groups;
    if (fields !== undefined) return epochOf(fields);
  }
  return null;
}

/**
 * Writes an IMF-fixdate.
 * @param milliseconds since the epoch, of a year with four digits; cut to whole seconds.
 */
export function formatHttpDate(milliseconds: number): string {
  return new Date(milliseconds).toUTCString();
}

function epochOf(fields: Record<string, string>): number | null {
  const number = (name: string): number => Number(fields[name]);
  const year = fields['year']?.length === 2 ? number('year') + (number('year') < 70 ? 2000 : 1900) : number('year');
  const [day, hour, minute, second] = [number('day'), number('hour'), number('minute'), number('second')];
  // 60 is a leap second; a Date has none, it becomes the second after.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const monthIndex = months.indexOf(fields['month'] ?? '');
  const date = new Date(0);
  date.setUTCFullYear(year, monthIndex, day);
  if (day === 0 || date.getUTCMonth() !== monthIndex) return null;
  return date.setUTCHours(hour, minute, second);
}
