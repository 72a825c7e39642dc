import type { Status, SubscriptionStatus } from '../base/status.ts';
import type { Heartbeat } from '../protocol/heartbeat.ts';
import type { Followed } from './following.ts';

type Channel = Heartbeat['channels'][number];
type Failure = Channel['errors'][number];

export interface HeartbeatBasis {
  readonly status: Status;
  /** The subscriptions that follow the hub. */
  readonly followed: readonly Pick<Followed, 'subscription' | 'channel' | 'hub'>[];
  readonly rootOf: (subscription: string, path: string) => string | null;
  readonly traffic: Heartbeat['traffic'];
  /** Wall clock, milliseconds. */
  readonly now: number;
  readonly started: number;
}

/** Errors that are told one by one. */
const mostErrors = 20;

/** What a hub is told of how this PoP does. */
export function heartbeatOf({ status, followed, rootOf, traffic, now, started }: HeartbeatBasis): Heartbeat {
  const channels = followed.flatMap(({ subscription: name, channel, hub }) => {
    const found = status.subscriptions.find((subscription) => subscription.name === name);
    const isThere = hub.isServed((path) => rootOf(name, path));
    return found === undefined ? [] : [channelOf(found, channel, isThere)];
  });
  const { state, bytes, max, free } = status.cache;
  return {
    format: 1,
    version: status.version,
    at: new Date(now).toISOString(),
    started: new Date(started).toISOString(),
    channels: channels.slice(0, 100),
    traffic,
    cache: { state, bytes, max: Math.floor(max), free },
  };
}

/** @param isThere what is served is the snapshot that the channel points to, whichever generation it came with. */
function channelOf(subscription: SubscriptionStatus, channel: string, isThere: boolean): Channel {
  const { name, generation, published, repositories, hub, sync } = subscription;
  const errors = errorsOf(subscription);
  const sum = (of: 'packages' | 'bytes', which: 'listed' | 'held'): number =>
    repositories.reduce((total, repository) => total + repository[of][which], 0);
  return {
    channel,
    subscription: name,
    snapshot: isThere ? (hub.following?.snapshot ?? null) : (subscription.snapshot ?? null),
    generation,
    published,
    complete: isThere && sync.state === 'idle' && sync.lastSuccess !== null && errors.length === 0,
    packages: { listed: sum('packages', 'listed'), held: sum('packages', 'held') },
    bytes: { listed: sum('bytes', 'listed'), held: sum('bytes', 'held') },
    errors: errors.slice(0, mostErrors),
    errorCount: errors.length,
  };
}

function errorsOf({ hub, sync, repositories }: SubscriptionStatus): Failure[] {
  const failed = repositories.filter(
    ({ state, reason }) => reason !== null && (state === 'behind' || state === 'pending'),
  );
  return [
    ...[hub.error, sync.error].flatMap((error) =>
      error === null ? [] : [{ code: error.code, message: error.message.slice(0, 1_000), path: null }],
    ),
    ...failed.map(({ path, reason, state }) => ({
      // Reasons begin with the code of what failed, where something did.
      code: /^([a-z_]{1,64}): /.exec(reason ?? '')?.[1] ?? state,
      message: (reason ?? '').slice(0, 1_000),
      path: path.slice(0, 1_000),
    })),
  ];
}
