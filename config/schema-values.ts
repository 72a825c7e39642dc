import * as z from 'zod';
import { durationPattern, formatDuration, parseDuration } from './durations.ts';
import { listenAddressPattern, parseListenAddress } from './listen-address.ts';
import { parseRate, parseShare, parseSize, ratePattern, sharePattern, sizePattern } from './sizes.ts';
import type { Share } from './sizes.ts';
import { parseWindow, windowPattern } from './time-window.ts';
import type { WebUrlRules } from './web-url.ts';
import { webUrlProblem } from './web-url.ts';

/**
 * The kinds of values that keys take. Every one has its own words for what is expected; they never repeat the value,
 * which may be a secret in the wrong place.
 */

/** A map whose keys are all known; messages for an unknown one name those that are. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown key; known here: ${known}` : 'must be a map'),
  });
}

type Written<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

/** Text that `parse` turns into something else; null from it means that the text is not what was expected. */
function written<T>(expected: string, pattern: RegExp, parse: (text: string) => T | null): Written<T> {
  return z
    .string({ error: expected })
    .regex(pattern, { error: expected })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== null) return value;
      context.addIssue({ code: 'custom', message: expected });
      return z.NEVER;
    });
}

/** Text that stays text; `problem` says what is wrong with it, or null. */
export function plainText(expected: string, problem: (text: string) => string | null): z.ZodString {
  return z.string({ error: expected }).superRefine((text, context) => {
    const message = problem(text);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(
  values: Values,
): z.ZodEnum<z.core.util.ToEnum<Values[number]>> {
  return z.enum(values, { error: `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });
}

export const trueOrFalse = z.boolean({ error: 'must be true or false' });

/** Bytes, or a percentage within `low` and `high`. */
export function share(low: number, high: number): Written<Share> {
  return written(
    `must be a size such as 200GiB, or a percentage of ${low}% to ${high}%`,
    sharePattern,
    (text): Share | null => {
      const value = parseShare(text);
      if (value === null || typeof value === 'number') return value;
      return value.percent >= low && value.percent <= high ? value : null;
    },
  );
}

export const size = written('must be a size such as 20GiB', sizePattern, parseSize);

/** A rate at which work goes on at all. */
export const positiveRate = written('must be a rate such as 20MiB/s, and more than 0', ratePattern, (text) => {
  const value = parseRate(text);
  return value === 0 ? null : value;
});

/** A whole number from 1 to `most`. */
export function count(most: number): z.ZodInt {
  const error = `must be a whole number from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
}

export const timeWindow = written(
  'must be days and times such as Mon-Fri 07:00-19:00, Sat,Sun or 22:00-06:00, which do not end when they begin',
  windowPattern,
  parseWindow,
);

/** Milliseconds, at least `least`. */
export function duration(least = 0): Written<number> {
  const bound = least === 0 ? '' : `, at least ${formatDuration(least)}`;
  return written(`must be a duration such as 500ms, 5m or 72h${bound}`, durationPattern, (text) => {
    const value = parseDuration(text);
    return value !== null && value >= least ? value : null;
  });
}

export const hostAndPort = written(
  'must be an address and port such as 127.0.0.1:8080 or "[::]:8080"',
  listenAddressPattern,
  parseListenAddress,
);

export function webUrl(rules: WebUrlRules = { query: false }): z.ZodString {
  return plainText('must be a URL', (text) => webUrlProblem(text, rules));
}

/** The name of a file: not its content, and not a URL. */
export const fileName = plainText('must be the name of a file', (text) => {
  if (text === '' || text.endsWith('/')) return 'must be the name of a file';
  if (/[\p{Cc}]/u.test(text)) return 'must be the name of a file, not what is in it';
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? 'must be the name of a file, not a URL' : null;
});

export const directoryName = plainText('must be the name of a directory', (text) =>
  text === '' || /[\p{Cc}]/u.test(text) ? 'must be the name of a directory' : null,
);

/** RFC 9110 §5.5: visible characters, with spaces and tabs only inside. */
export const headerText = z
  .string({ error: 'must be text (in quotes if it looks like a number), or { file: NAME }' })
  .regex(/^[!-~]([\t -~]*[!-~])?$/, { error: 'must be printable ASCII text without spaces around it' });
