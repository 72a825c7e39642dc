import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Guard } from '../../base/generation.ts';
import type { Place, Served } from '../../cache/generations/served.ts';
import type { ContentPorts, Pending } from './ports.ts';

/**
 * Who may read a repository: what its hub guards is closed until the operator says otherwise, in whatever generation it
 * is asked for. A guard that came later closes the older generations too; one that went opens nothing by itself.
 * @returns null when the way is free.
 */
export function objectionTo(place: Place, served: Served, ports: ContentPorts): WaystationError | null {
  const { path, document } = place.repository;
  const guard = document.guard ?? served.guard(path);
  return closedBy(path, guard, ports.access(path));
}

/** What a hub denies is served in no generation, held or not. @returns null when it is not denied. */
export function objectionToFile(digest: Digest, ports: Pick<ContentPorts, 'denied'>): WaystationError | null {
  return ports.denied(digest) ? new WaystationError('denied', 'the hub wants this file not to be served') : null;
}

/** Why a path of a repository that was never published is not served: closed, or not there yet. */
export function objectionToPending({ repository, guard, reason }: Pending, ports: ContentPorts): WaystationError {
  return closedBy(repository, guard, ports.access(repository)) ?? new WaystationError('repository_pending', reason);
}

function closedBy(path: string, guard: Guard | null, rule: 'open' | 'deny' | null): WaystationError | null {
  if (rule === 'open') return null;
  if (rule === 'deny') return new WaystationError('denied', `${path} is not served here`);
  if (guard === null) return null;
  return new WaystationError(
    'guarded_at_hub',
    `${path} is guarded at its hub (${guard.kind}); the operator of this server has not said who may read it`,
  );
}
