import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { believe } from './beliefs.ts';
import type { IdentityFolder } from './identity-folder.ts';
import { Membership } from './membership.ts';
import type { HubAddress } from './registration.ts';

/**
 * Believes the epoch that a hub says now, signed by a known key: the operator knows that its store was restored.
 * @returns that epoch, and the one that was believed before; null: none was.
 * @throws WaystationError `not_registered`, `untrusted`, `certificate_refused`, `upstream_*`
 */
export async function acceptEpoch(
  hub: HubAddress,
  folder: IdentityFolder,
  signal: AbortSignal,
): Promise<{ readonly epoch: number; readonly before: number | null }> {
  const membership = new Membership({ ...hub, folder, token: null, name: '', log: silentLogger });
  try {
    const identity = await membership.ensure(signal);
    const { answer } = await membership.api.assignment(null, 0, signal);
    if (answer === null)
      throw new WaystationError('upstream_status', `${hub.url} answers 304 although nothing was known`);
    const { assignment } = await believe(answer, { ...identity, epoch: null }, null);
    await membership.learn({ epoch: assignment.epoch });
    return { epoch: assignment.epoch, before: identity.epoch };
  } finally {
    await membership.close();
  }
}
