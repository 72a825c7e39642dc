import { dirname } from 'node:path';
import type { Config, ListenAddress } from './config.ts';
import type { FilePlaces } from './file-reference.ts';
import { fileReference } from './file-reference.ts';
import { formatHostAndPort } from './listen-address.ts';
import { resolveSubscription } from './resolve-subscription.ts';
import type { Parsed } from './schema.ts';
import { socketPath, statePath } from './socket-path.ts';

export interface Origin {
  /** The configuration file, absolute. */
  readonly file: string;
  readonly credentialsDirectory: string | null;
}

/** The configuration as the service wants it, from a file in which nothing is wrong. */
export function resolveConfig(parsed: Parsed, { file, credentialsDirectory }: Origin): Config {
  const directory = dirname(file);
  const places: FilePlaces = { directory, credentialsDirectory };
  const content = listeners(parsed.listen.content, places);
  return {
    file,
    listen: {
      content,
      admin: listeners(parsed.listen.admin, places),
      socket: socketPath({ directory, state: parsed.state, socket: parsed.listen.socket }),
    },
    publicUrl:
      parsed.publicUrl === undefined ? publicUrlOf(content) : new URL(parsed.publicUrl).href.replace(/\/+$/, ''),
    state: statePath({ directory, state: parsed.state }),
    cache: { ...parsed.cache, scrub: parsed.cache.scrub === 'off' ? null : parsed.cache.scrub },
    drain: parsed.drain,
    limits: parsed.limits.map(({ rate = null, background, during = null, timezone }) => ({
      rate,
      pausesBackground: background === 'off',
      during,
      timezone,
    })),
    transfers: parsed.transfers,
    // Longest first, so that the first that fits is the one that is meant.
    aliases: Object.entries(parsed.aliases).toSorted(([one], [other]) => other.length - one.length),
    subscriptions: parsed.subscriptions.map((subscription) =>
      resolveSubscription(subscription, { upstream: parsed.upstream, places }),
    ),
  };
}

type ParsedListener = Extract<Parsed['listen']['content'], readonly unknown[]>[number];

function listeners(written: Parsed['listen']['content'], places: FilePlaces): ListenAddress[] {
  const list: readonly ParsedListener[] = Array.isArray(written) ? written : [written];
  return list.map((listener) => {
    if ('host' in listener) return { ...listener, tls: null };
    const { address, tls } = listener;
    if (tls === undefined) return { ...address, tls: null };
    return { ...address, tls: { cert: fileReference(tls.cert, places), key: fileReference(tls.key, places) } };
  });
}

/** The default of publicUrl: from the one address, which the relations made sure is no wildcard. */
function publicUrlOf([address]: readonly ListenAddress[]): string | null {
  if (address === undefined || address.port === 0) return null;
  return new URL(`${address.tls === null ? 'http' : 'https'}://${formatHostAndPort(address)}`).origin;
}
