import type { Digest } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Config, Subscription } from '../config/config.ts';
import { believe } from '../mirror/waystation/beliefs.ts';
import { IdentityFolder } from '../mirror/waystation/identity-folder.ts';
import type { AssignmentDocument } from '../protocol/assignment.ts';
import { AssignedPolicies } from './assigned-policies.ts';

/** What hubs told the last service. */
interface ToldBefore {
  /** With the policies that hubs assign. */
  readonly config: Config;
  /** Files that must not be served, as metadata lists them. */
  readonly denied: ReadonlySet<Digest>;
}

/**
 * What the hubs that are followed told before, as far as it is believed, for commands that work without the service.
 * Asks nobody.
 */
export async function toldBefore(written: Config, log: Logger): Promise<ToldBefore> {
  const assignments = new Map<string, AssignmentDocument>();
  for (const { name, hub } of written.subscriptions) {
    const found = hub.type === 'waystation' ? await assignmentOf(written.state, hub.url, log) : null;
    if (found !== null) assignments.set(name, found);
  }
  const assigned = new AssignedPolicies(written);
  // The schema of assignments lets no other policies in.
  assigned.by((name) => (assignments.get(name)?.policy ?? null) as Subscription['policy'] | null);
  return { config: assigned.config, denied: new Set([...assignments.values()].flatMap(({ deny }) => deny)) };
}

async function assignmentOf(state: string, hub: string, log: Logger): Promise<AssignmentDocument | null> {
  const folder = new IdentityFolder(state, hub);
  try {
    const [identity, answer] = [await folder.load(), await folder.assignment()];
    return identity === null || answer === null ? null : (await believe(answer, identity, null)).assignment;
  } catch (thrown) {
    const { code, message } = asWaystationError(thrown);
    log.warn({ hub, code, reason: message }, 'what the hub said before is not believed');
    return null;
  }
}
