import { WaystationError } from '../../base/errors.ts';
import type { GenerationStatus, RunStatus, SubscriptionStatus } from '../../base/status.ts';
import type { Subscriptions } from '../../base/subscriptions.ts';
import { runDocument } from './contract-documents.ts';

export interface ScriptedSubscriptions extends Subscriptions {
  /** Names whose runs were asked for, in order. */
  readonly started: readonly string[];
  /** Repositories that were forced, in order. */
  readonly forced: readonly string[];
  /** Ends a run with these changes. */
  finish(id: string, changes?: Partial<RunStatus>): void;
}

/** Subscriptions in memory whose runs end when the test says so, or at once with `endsWith`. */
export function scriptedSubscriptions(script: {
  readonly documents: readonly SubscriptionStatus[];
  readonly generations?: readonly GenerationStatus[];
  readonly endsWith?: (subscription: string) => Partial<RunStatus>;
}): ScriptedSubscriptions {
  const runs = new Map<string, RunStatus>();
  const waiting = new Map<string, ((run: RunStatus) => void)[]>();
  const started: string[] = [];
  const forced: string[] = [];
  const finish = (id: string, changes: Partial<RunStatus> = {}): void => {
    const run: RunStatus = {
      ...(runs.get(id) ?? runDocument({ id })),
      state: 'done',
      finished: '2026-11-23T10:16:00Z',
      failureCount: changes.failures?.length ?? 0,
      ...changes,
    };
    runs.set(id, run);
    for (const resolve of waiting.get(id) ?? []) resolve(run);
  };
  return {
    started,
    forced,
    finish,
    cancel: (id) => {
      const run = runs.get(id);
      if (!run) return Promise.reject(new WaystationError('not_found', `no run is called ${id}`));
      if (run.finished !== null) return Promise.resolve(false);
      finish(id, { state: 'cancelled', reason: 'requested' });
      return Promise.resolve(true);
    },
    status: () => Promise.resolve(script.documents),
    generations: (subscription) =>
      Promise.resolve((script.generations ?? []).filter((one) => !subscription || one.subscription === subscription)),
    runs: () => [...runs.values()].toReversed(),
    run: (id) => runs.get(id) ?? null,
    start: (subscription, force = []) => {
      if (!script.documents.some(({ name }) => name === subscription))
        throw new WaystationError('unknown_subscription', `no subscription is called ${subscription}`);
      started.push(subscription);
      forced.push(...force);
      const id = `run-${started.length}`;
      runs.set(id, runDocument({ id, subscription }));
      if (script.endsWith) finish(id, script.endsWith(subscription));
      return id;
    },
    finished: (id, signal) =>
      new Promise((resolve, reject) => {
        const run = runs.get(id);
        if (run?.finished) return resolve(run);
        waiting.set(id, [...(waiting.get(id) ?? []), resolve]);
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  };
}
