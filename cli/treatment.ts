import type { Subscription, Treatment } from '../config/config.ts';
import { effectiveTreatment } from '../config/overrides.ts';

/** How the configuration wants a repository treated: by its own entry, or by the overrides that match its path. */
export function treatmentOf(subscription: Subscription, path: string): Treatment {
  const entry = subscription.repositories.find((repository) => repository.path === path);
  if (entry !== undefined) return entry;
  const { prefix, overrides, policy } = subscription;
  const own: Treatment = { policy, gpgKey: null, repoGpgCheck: false, access: null };
  // Patterns are over paths as the hub has them.
  const hubPath = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : path;
  return effectiveTreatment(overrides, hubPath, own);
}
