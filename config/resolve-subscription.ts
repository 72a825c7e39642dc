import { invariant } from '../base/errors.ts';
import type { Override, Repository, Subscription, Treatment } from './config.ts';
import { fileReference } from './file-reference.ts';
import { effectiveTreatment } from './overrides.ts';
import { joinPrefix } from './repository-path.ts';
import type { AccessDefaults, ParsedAccess } from './resolve-access.ts';
import { resolveAccess } from './resolve-access.ts';
import type { Parsed } from './schema.ts';
import { baseUrl } from './web-url.ts';

type ParsedSubscription = Parsed['subscriptions'][number];
type ParsedRepository = NonNullable<ParsedSubscription['repositories']>[number];

/** A subscription with defaults, inheritance and overrides worked into its repositories. */
export function resolveSubscription(parsed: ParsedSubscription, defaults: Omit<AccessDefaults, 'hub'>): Subscription {
  const { name, prefix, hub, policy, keep, refresh } = parsed;
  invariant(hub.type === 'yum', `hub type ${hub.type} was refused before`);
  const overrides = parsed.overrides.map(({ gpgKey, ...override }): Override => ({
    path: override.path,
    ...(override.policy === undefined ? {} : { policy: override.policy }),
    ...(override.repoGpgCheck === undefined ? {} : { repoGpgCheck: override.repoGpgCheck }),
    ...(gpgKey === undefined ? {} : { gpgKey: fileReference(gpgKey, defaults.places) }),
  }));
  return {
    name,
    prefix,
    hub: { type: hub.type },
    policy,
    flip: parsed.flip ?? 'each',
    keep,
    refresh,
    overrides,
    repositories: (parsed.repositories ?? []).map((repository) =>
      resolveRepository(repository, { prefix, policy, overrides, access: { ...defaults, hub } }),
    ),
  };
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
  };
  const urls = [...(parsed.url === undefined ? [] : [parsed.url]), ...(parsed.urls ?? [])].map(baseUrl);
  invariant(typeof parsed.access !== 'object', 'access rules were refused before');
  return {
    path: joinPrefix(prefix, parsed.path),
    urls: [...new Set(urls)],
    mirrorlist: parsed.mirrorlist ?? null,
    metalink: parsed.metalink ?? null,
    access: parsed.access ?? null,
    ...effectiveTreatment(overrides, parsed.path, own),
    ...resolveAccess(parsed, access),
  };
}
