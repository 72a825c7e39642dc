/** Figures for people, as the page and the commands write them. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `0 B`, `11.7 KiB`, `200 GiB`: three digits at most before the unit changes. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`;
}

/** `1 234 567`, with thin no-break spaces, as grouped numbers read in every language. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

const steps = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** `0 s`, `59 s`, `3 min`, `5 h`, `12 d`: the largest unit that fits, cut down; a span below 0 is none. */
export function spanText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [length, unit] = steps.find(([least]) => seconds >= least) ?? [1, 's'];
  return `${Math.floor(seconds / length)} ${unit}`;
}

/** How long ago an RFC 3339 time was; null stays null, and so does what is no time. */
export function agoText(time: string | null, now: number): string | null {
  const at = time === null ? Number.NaN : Date.parse(time);
  if (Number.isNaN(at)) return null;
  return now - at < 1000 ? 'just now' : `${spanText(now - at)} ago`;
}
