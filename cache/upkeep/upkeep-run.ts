import type { Clock } from '../../base/clock.ts';
import type { SubscriptionPlan } from '../../base/plan.ts';
import type { ImportReport, RunStatus } from '../../base/status.ts';
import type { RunObserver, RunOptions } from '../../runs/run-record.ts';
import { RunRecord } from '../../runs/run-record.ts';

/** One run that is no sync: a verification, an import, or the making of a plan. */
export class UpkeepRun extends RunRecord {
  #report: Pick<RunStatus, 'import' | 'plans'> = {};

  constructor(options: {
    readonly kind: string;
    /** null: it concerns more than one, or none. */
    readonly subscription: string | null;
    readonly clock: Clock;
    readonly observer: RunObserver;
    readonly pause: NonNullable<RunOptions['pause']>;
  }) {
    super({ ...options, prefix: `${options.kind}-` });
  }

  /** What an import found and did. */
  imported(report: ImportReport): void {
    this.#report = { import: report };
  }

  /** What syncs would do. */
  planned(plans: readonly SubscriptionPlan[]): void {
    this.#report = { plans };
  }

  override status(): RunStatus {
    return { ...super.status(), ...this.#report };
  }
}
