import type { Clock } from '../base/clock.ts';
import type { WaystationError } from '../base/errors.ts';
import type { ContactState, ErrorStatus } from '../base/status.ts';
import { isOutage } from './backoff.ts';
import type { Member } from './member.ts';

/** How the last question to the hub for its list went. */
export interface DiscoveryState {
  /** null: not asked yet, or answered. */
  readonly error: WaystationError | null;
  readonly attempts: number;
  readonly since: number;
  readonly begun: number;
  readonly at: number;
  readonly done: boolean;
}

export const undiscovered: DiscoveryState = { error: null, attempts: 0, since: 0, begun: 0, at: 0, done: false };

export function discoveryFailed(before: DiscoveryState, error: WaystationError, clock: Clock): DiscoveryState {
  const row = before.error === null ? { since: clock.now(), begun: clock.monotonic() } : before;
  return {
    error,
    attempts: before.error === null ? 1 : before.attempts + 1,
    since: row.since,
    begun: row.begun,
    at: clock.now(),
    done: before.done,
  };
}

/**
 * `connected`: the list and every repository answer. `disconnected`: nothing does, or nothing was asked yet.
 * `degraded`: some do.
 */
export function hubState(discovery: DiscoveryState, members: readonly Member[]): ContactState {
  if (discovery.error === null && !discovery.done) return 'disconnected';
  const answers = members.map((member) => member.reached === true && member.wanted?.supplier.up === true);
  if (discovery.error !== null) answers.push(!isOutage(discovery.error));
  else if (answers.length === 0) return 'connected';
  if (answers.every((answer) => !answer)) return 'disconnected';
  return answers.every(Boolean) && discovery.error === null ? 'connected' : 'degraded';
}

/** The newest thing that is wrong between here and the hub, null when nothing is. */
export function hubError(discovery: DiscoveryState, members: readonly Member[]): ErrorStatus | null {
  const failures = members.flatMap(({ path, failure }) =>
    failure !== null && isOutage(failure.error) ? [{ error: failure.error, at: failure.at, path }] : [],
  );
  if (discovery.error !== null) failures.push({ error: discovery.error, at: discovery.at, path: '' });
  const newest = failures.toSorted((one, other) => other.at - one.at)[0];
  if (newest === undefined) return null;
  const { path, error, at } = newest;
  return {
    code: error.code,
    message: path === '' ? error.message : `${path}: ${error.message}`,
    at: new Date(at).toISOString(),
  };
}

const order: readonly ContactState[] = ['connected', 'degraded', 'disconnected'];

export function worst(states: readonly ContactState[]): ContactState {
  return order[Math.max(0, ...states.map((state) => order.indexOf(state)))] ?? 'connected';
}
