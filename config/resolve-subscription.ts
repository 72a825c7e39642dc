import { invariant } from '../base/errors.ts';
import type { Override, PulpHubConfig, Repository, Subscription, Treatment } from './config.ts';
import { fileReference } from './file-reference.ts';
import { effectiveTreatment } from './overrides.ts';
import { joinPrefix } from './repository-path.ts';
import type { AccessDefaults, ParsedAccess } from './resolve-access.ts';
import { proxyOf, resolveAccess } from './resolve-access.ts';
import type { Parsed } from './schema.ts';
import { baseUrl } from './web-url.ts';

type ParsedSubscription = Parsed['subscriptions'][number];
type ParsedRepository = NonNullable<ParsedSubscription['repositories']>[number];

/** A subscription with defaults, inheritance and overrides worked into its repositories. */
export function resolveSubscription(parsed: ParsedSubscription, defaults: Omit<AccessDefaults, 'hub'>): Subscription {
  const { name, prefix, hub, policy = 'on-demand', keep, refresh } = parsed;
  const overrides = parsed.overrides.map(({ gpgKey, access, ...override }): Override => ({
    path: override.path,
    ...(access === undefined ? {} : { access: openOrDeny(access) }),
    ...(override.policy === undefined ? {} : { policy: override.policy }),
    ...(override.repoGpgCheck === undefined ? {} : { repoGpgCheck: override.repoGpgCheck }),
    ...(gpgKey === undefined ? {} : { gpgKey: fileReference(gpgKey, defaults.places) }),
  }));
  return {
    name,
    prefix,
    hub: resolveHub(parsed, defaults),
    policy,
    policyWritten: parsed.policy !== undefined,
    carryOver: parsed.carryOver === 'off' ? null : parsed.carryOver,
    flip: parsed.flip ?? (hub.type === 'waystation' ? 'together' : 'each'),
    keep,
    refresh,
    overrides,
    repositories: (parsed.repositories ?? []).map((repository) =>
      resolveRepository(repository, {
        prefix,
        policy,
        overrides,
        access: { ...defaults, hub: hub.type === 'waystation' ? {} : hub },
      }),
    ),
  };
}

function resolveHub(
  { hub, select, channel }: ParsedSubscription,
  defaults: Omit<AccessDefaults, 'hub'>,
): Subscription['hub'] {
  if (hub.type === 'yum') return { type: 'yum' };
  if (hub.type === 'pulp') return resolvePulp(hub, select, defaults);
  invariant(channel !== undefined, 'a subscription without the channel that it needs was refused before');
  const { type, url, tokenFile, name = null, proxy } = hub;
  return {
    type,
    url: baseUrl(url),
    channel,
    tokenFile: tokenFile === undefined ? null : fileReference(tokenFile, defaults.places),
    name,
    proxy: proxyOf(proxy, defaults.upstream),
  };
}

function resolvePulp(
  hub: Extract<ParsedSubscription['hub'], { type: 'pulp' }>,
  select: string | undefined,
  defaults: Omit<AccessDefaults, 'hub'>,
): PulpHubConfig {
  const { url, domain } = hub;
  return {
    type: 'pulp',
    url: baseUrl(url),
    domain,
    select: select ?? null,
    ...resolveAccess(hub, { ...defaults, hub }),
  };
}

function openOrDeny(access: NonNullable<ParsedRepository['access']>): 'open' | 'deny' {
  invariant(typeof access !== 'object', 'access rules were refused before');
  return access;
}

interface Surroundings {
  readonly prefix: string;
  readonly policy: Treatment['policy'];
  readonly overrides: readonly Override[];
  readonly access: AccessDefaults & { readonly hub: ParsedAccess };
}

function resolveRepository(parsed: ParsedRepository, { prefix, policy, overrides, access }: Surroundings): Repository {
  const own: Treatment = {
    policy,
    gpgKey: parsed.gpgKey === undefined ? null : fileReference(parsed.gpgKey, access.places),
    repoGpgCheck: parsed.repoGpgCheck ?? false,
    access: parsed.access === undefined ? null : openOrDeny(parsed.access),
  };
  const urls = [...(parsed.url === undefined ? [] : [parsed.url]), ...(parsed.urls ?? [])].map(baseUrl);
  return {
    path: joinPrefix(prefix, parsed.path),
    content: parsed.content,
    urls: [...new Set(urls)],
    mirrorlist: parsed.mirrorlist ?? null,
    metalink: parsed.metalink ?? null,
    ...effectiveTreatment(overrides, parsed.path, own),
    ...resolveAccess(parsed, access),
  };
}
