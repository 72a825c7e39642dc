import type { GenerationStatus, RunStatus, SubscriptionStatus } from './status.ts';

/** What the admin side may ask of the sync side. `sync/` implements it, `gateway/` is given it; they never meet. */
export interface Subscriptions {
  status(): Promise<readonly SubscriptionStatus[]>;
  generations(subscription?: string): Promise<readonly GenerationStatus[]>;
  /** Newest first. */
  runs(): readonly RunStatus[];
  run(id: string): RunStatus | null;
  /**
   * Asks for a run that begins no earlier than this call; requests that wait for the same run share it.
   * @returns the id of that run.
   * @throws WaystationError `unknown_subscription`
   */
  start(subscription: string): string;
  /** Resolves with the run when it has ended. */
  finished(id: string, signal?: AbortSignal): Promise<RunStatus>;
}
