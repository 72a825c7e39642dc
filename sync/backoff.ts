import type { ErrorCode, WaystationError } from '../base/errors.ts';

/** Failures of the way to the upstream: nobody answered, or not to the end. */
const outages: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_cut',
  'upstream_breaker_open',
]);

/** Whether the upstream could not be reached; false when it answered something that is of no use. */
export function isOutage(error: { readonly code: ErrorCode }): boolean {
  return outages.has(error.code);
}

export interface FailureRow {
  readonly error: WaystationError;
  /** Failures in a row, this one included. */
  readonly attempts: number;
  /** Milliseconds since the first of them. */
  readonly lasting: number;
}

const shortOutage = 60 * 60_000;
const shortOutageDelay = 3_000;
const breakerDelay = 1_000;
const longOutageDelay = 30_000;
const firstDelay = 2_000;
const longestHint = 60 * 60_000;

/**
 * Milliseconds until the next try, never longer than `refresh` unless the upstream itself asked for that (Retry-After,
 * at most an hour of it). Outages, and a front end's 5xx, heal suddenly and cost nothing to ask again: every 3 s, so that
 * recovery shows within 5 s, after an hour every 30 s; an open breaker, which asks nobody, each second. All else, whose repetition may cost a download, doubles from 2 s.
 */
export function retryDelay(row: FailureRow, refresh: number): number {
  const { error, attempts, lasting } = row;
  const often = error.code === 'upstream_breaker_open' ? breakerDelay : shortOutageDelay;
  const steady = lasting < shortOutage ? often : longOutageDelay;
  const heals = isOutage(error) || error.code === 'upstream_status';
  const own = heals ? steady : firstDelay * 2 ** Math.min(attempts - 1, 20);
  const hint = Math.min((error.retryAfter ?? 0) * 1000, longestHint);
  return Math.max(Math.min(own, refresh), hint);
}

/** `delay` moved by up to a tenth either way, so that many PoPs do not ask at once. `random` is in [0, 1). */
export function jittered(delay: number, random: () => number): number {
  return delay * (0.9 + 0.2 * random());
}
