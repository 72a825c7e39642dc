import { asWaystationError } from '../base/errors.ts';
import type { WaystationError } from '../base/errors.ts';
import { fetchPackages } from './package-policy.ts';
import { fetchTree } from './tree-policy.ts';

type Wanted = Parameters<typeof fetchPackages>[0];

/**
 * Holds a repository to its policy, packages first: they are small. That some are missing is no reason to leave its tree
 * incomplete, unless nothing more can or may be stored.
 * @throws WaystationError that sums up what is missing.
 */
export async function fetchWanted(wanted: Wanted, signal: AbortSignal): Promise<void> {
  const incomplete = await fetchPackages(wanted, signal).then(
    () => null,
    (thrown: unknown): WaystationError => asWaystationError(thrown),
  );
  signal.throwIfAborted();
  if (incomplete?.source !== 'disk' && incomplete?.code !== 'does_not_fit') await fetchTree(wanted, signal);
  if (incomplete !== null) throw incomplete;
}
