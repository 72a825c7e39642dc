import { parseHttpDate } from './http-date.ts';

/**
 * How long a stored unlisted file may still be served without asking the upstream: until `maximum` after it was stored
 * or last confirmed. A time of storing that lies in the future (a clock that was set back) counts as long ago, so that
 * no jump of the clock makes a file fresh for longer than `maximum`.
 * @param times.storedAt wall clock, milliseconds since the epoch.
 * @param times.now the same.
 * @param times.maximum milliseconds.
 * @returns milliseconds left; 0 when it is stale.
 */
export function remainingLifetime(times: { storedAt: number; now: number; maximum: number }): number {
  const age = times.now - times.storedAt;
  return age < 0 ? 0 : Math.max(0, times.maximum - age);
}

/**
 * Reads Retry-After (RFC 9110 §10.2.3): seconds, or a date.
 * @param now wall clock, milliseconds since the epoch.
 * @param maximum seconds: a server that asks for more is given this.
 * @returns whole seconds from now, 0 for a moment that has passed; null when there is no header or it cannot be read.
 */
export function parseRetryAfter(header: string | null | undefined, now: number, maximum: number): number | null {
  const value = header?.trim() ?? '';
  if (/^[0-9]+$/.test(value)) return Math.min(Number(value), maximum);
  const date = parseHttpDate(value);
  if (date === null) return null;
  return Math.min(Math.max(0, Math.ceil((date - now) / 1000)), maximum);
}
