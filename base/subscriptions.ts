import type { GenerationStatus, RunStatus, SubscriptionStatus } from './status.ts';

/** What the admin side may ask of the sync side. `sync/` implements it, `gateway/` is given it; they never meet. */
export interface Subscriptions {
  status(): Promise<readonly SubscriptionStatus[]>;
  generations(subscription?: string): Promise<readonly GenerationStatus[]>;
  /** Newest first; each with every failure that is kept by name, which may be thousands. */
  runs(): readonly RunStatus[];
  run(id: string): RunStatus | null;
  /**
   * Asks for a run that begins no earlier than this call; requests that wait for the same run share it. What waits for
   * its next try is tried at once.
   * @param force repositories of which everything that the policy wants is read and proven again.
   * @returns the id of that run.
   * @throws WaystationError `unknown_subscription`; `not_found` for a path that is no repository of it
   */
  start(subscription: string, force?: readonly string[]): string;
  /**
   * Calls a run off; nothing that it fetched is lost. Resolves once it has ended for that.
   * @returns false: it had ended, or is publishing already.
   * @throws WaystationError `not_found`
   */
  cancel(id: string): Promise<boolean>;
  /** Resolves with the run when it has ended. */
  finished(id: string, signal?: AbortSignal): Promise<RunStatus>;
}
