import type { PopOptions } from './pop.ts';

export interface FollowingOptions {
  /** How it would like to be called; default lyon-1. */
  readonly name?: string;
  readonly channel?: string;
  /** null: none is configured. */
  readonly token: string | null;
  /** Absent: what the hub assigns. */
  readonly policy?: string;
  /** Lines of the subscription beside these. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A PoP with one subscription, `site`, that follows a channel and registers by a token beside its configuration. */
export function followingPop(hub: { readonly url: string }, options: FollowingOptions): PopOptions {
  const { name = 'lyon-1', channel = 'prod', token, policy, more = {} } = options;
  const registering = token === null ? {} : { tokenFile: 'token' };
  const subscription = {
    name: 'site',
    hub: { type: 'waystation', url: hub.url, name, ...registering },
    channel,
    refresh: '1h',
    ...(policy !== undefined && { policy }),
    ...more,
  };
  return { config: { subscriptions: [subscription] }, ...(token !== null && { files: { token } }) };
}
