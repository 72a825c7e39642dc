import type { Store } from '../cache/store.ts';
import type { Repair } from '../cache/upkeep/repair.ts';
import { select } from '../cache/upkeep/selection.ts';
import type { VerifyTarget } from '../cache/upkeep/selection.ts';
import type { UpkeepRuns } from '../cache/upkeep/upkeep-runs.ts';
import { Verification } from '../cache/upkeep/verification.ts';
import type { Verifications } from '../gateway/admin/ports.ts';

interface VerificationParts {
  readonly store: Store;
  readonly runs: UpkeepRuns;
  readonly repair: Repair;
}

/** Verification as the admin API and the command without a service begin it. */
export function verifications({ store, runs, repair }: VerificationParts): Verifications {
  const { audit, references } = store;
  const verification = new Verification({ audit, references, repair });
  return {
    start: async ({ subscription, path }) => {
      const selection = await select(references, targetOf(subscription, path));
      return runs.start({ kind: 'verify', subscription: subscription ?? null }, verification.work(selection)).id;
    },
  };
}

function targetOf(subscription: string | undefined, path: string | undefined): VerifyTarget {
  if (subscription !== undefined) return { kind: 'subscription', name: subscription };
  return path === undefined ? { kind: 'all' } : { kind: 'path', path };
}
