import { stringify } from 'yaml';
import type { Config, ListenAddress, Override, Repository, Subscription, UpstreamAccess } from './config.ts';
import { formatDuration } from './durations.ts';
import type { FileReference } from './file-reference.ts';
import { formatHostAndPort } from './listen-address.ts';
import { formatRate, formatShare, formatSize } from './sizes.ts';
import { formatWindow } from './time-window.ts';
import { displayUrl } from './web-url.ts';

/**
 * The configuration in effect, as YAML in the words of the file: defaults, inheritance and overrides worked in. Header
 * values and queries of URLs are left out, files are named and never opened, so it can be shown to anybody.
 */
export function describe(config: Config): string {
  const { listen, publicUrl, state, cache, drain, limits, transfers, aliases, subscriptions } = config;
  return stringify(
    {
      listen: { content: listen.content.map(listener), admin: listen.admin.map(listener), socket: listen.socket },
      ...present({ publicUrl }),
      state,
      cache: {
        max: formatShare(cache.max),
        keepFree: formatShare(cache.keepFree),
        scrub:
          cache.scrub === null
            ? 'off'
            : { every: formatDuration(cache.scrub.every), rate: formatRate(cache.scrub.rate) },
      },
      drain: formatDuration(drain),
      limits: limits.map(({ rate, pausesBackground, during, timezone }) => ({
        ...present({ rate: rate === null ? null : formatRate(rate), background: pausesBackground ? 'off' : null }),
        ...(during === null ? {} : { during: formatWindow(during), timezone }),
      })),
      transfers,
      aliases: Object.fromEntries(aliases),
      subscriptions: subscriptions.map(describeSubscription),
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

function listener({ tls, ...address }: ListenAddress): unknown {
  const text = formatHostAndPort(address);
  return tls === null ? text : { address: text, tls: { cert: tls.cert.name, key: tls.key.name } };
}

function describeSubscription(subscription: Subscription): unknown {
  const { name, prefix, hub, policy, carryOver, flip, keep, refresh, overrides, repositories } = subscription;
  return {
    name,
    prefix,
    hub: describeHub(hub),
    ...(hub.type === 'pulp' && hub.select !== null ? { select: hub.select } : {}),
    ...(hub.type === 'waystation' ? { channel: hub.channel } : {}),
    policy,
    carryOver: carryOver === null ? 'off' : formatSize(carryOver),
    flip,
    keep: { generations: keep.generations, grace: formatDuration(keep.grace) },
    refresh: formatDuration(refresh),
    overrides: overrides.map(describeOverride),
    repositories: repositories.map(describeRepository),
  };
}

function describeHub(hub: Subscription['hub']): unknown {
  if (hub.type === 'yum') return { type: hub.type };
  if (hub.type === 'waystation') {
    const { type, url, tokenFile, name, proxy } = hub;
    const way = { proxy: proxy?.url, noProxy: proxy?.noProxy };
    return present({ type, url: displayUrl(url), tokenFile: nameOf(tokenFile), name, ...way });
  }
  const { type, url, domain } = hub;
  return { type, url: displayUrl(url), domain, ...describeAccess(hub) };
}

function describeOverride({ path, policy, gpgKey, repoGpgCheck, access }: Override): unknown {
  return present({ path, policy, gpgKey: gpgKey?.name, repoGpgCheck, access });
}

function describeRepository(repository: Repository): unknown {
  const { path, urls, mirrorlist, metalink, policy, access, repoGpgCheck, gpgKey } = repository;
  return present({
    path,
    urls: urls.map(displayUrl),
    mirrorlist: mirrorlist === null ? null : displayUrl(mirrorlist),
    metalink: metalink === null ? null : displayUrl(metalink),
    policy,
    gpgKey: nameOf(gpgKey),
    repoGpgCheck,
    access,
    ...describeAccess(repository),
  });
}

function describeAccess({ credentials, headers, tls, proxy }: UpstreamAccess): Record<string, unknown> {
  const client = tls.client === null ? {} : { cert: tls.client.cert.name, key: tls.client.key.name };
  return present({
    username: credentials?.username,
    passwordFile: nameOf(credentials?.passwordFile),
    headers: Object.fromEntries(
      headers.map(({ name, value }) => [name, typeof value === 'string' ? '[hidden]' : { file: value.name }]),
    ),
    tls: present({ ca: nameOf(tls.ca), ...client }),
    proxy: proxy?.url,
    noProxy: proxy?.noProxy,
  });
}

function nameOf(file: FileReference | null | undefined): string | null {
  return file?.name ?? null;
}

/** Without the keys that have no value. */
function present(keys: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null && value !== undefined));
}
