import type { Override, Treatment } from './config.ts';
import { matchesPath } from './path-pattern.ts';

/**
 * How a repository is treated after every override that matches, in order: a later one wins key by key (contract).
 * @param path the repository's path as its hub has it, before the subscription's prefix.
 * @param own what holds without overrides.
 */
export function effectiveTreatment(overrides: readonly Override[], path: string, own: Treatment): Treatment {
  return overrides
    .filter((override) => matchesPath(override.path, path))
    .reduce<Treatment>(
      (treatment, { policy, gpgKey, repoGpgCheck, access }) => ({
        policy: policy ?? treatment.policy,
        gpgKey: gpgKey ?? treatment.gpgKey,
        repoGpgCheck: repoGpgCheck ?? treatment.repoGpgCheck,
        access: access ?? treatment.access,
      }),
      own,
    );
}
