import type { CacheState, RepositoryState, RunFailure, RunStatus } from '../../base/status.ts';

/** A run without the failures that it names: those come as events of their own. */
export type RunSummary = Omit<RunStatus, 'failures'>;

/** What happens, by the name of the event. Times are RFC 3339. */
interface EventFields {
  'run-started': { readonly run: RunSummary };
  /** At most once a second for each run. */
  'run-progress': { readonly run: RunSummary };
  /** The first thousand of a run; the others are counted in its progress. */
  'run-failure': { readonly run: string; readonly subscription: string | null; readonly failure: RunFailure };
  'run-finished': { readonly run: RunSummary };
  /** `current`: it is served; false while its subscription is rolled back. */
  'generation-published': { readonly subscription: string; readonly generation: string; readonly current: boolean };
  'repository-state': {
    readonly subscription: string;
    readonly path: string;
    /** null: the path is gone. */
    readonly state: RepositoryState | null;
    /** null: the path is new. */
    readonly before: RepositoryState | null;
    readonly reason: string | null;
  };
  'cache-state': { readonly state: CacheState; readonly before: CacheState; readonly reason: string | null };
}

type EventName = keyof EventFields;

/** One event, as `/api/v1/events` and the lines of `sync --wait --json` have it. */
export type ServiceEvent = {
  [Name in EventName]: { readonly event: Name; readonly at: string } & EventFields[Name];
}[EventName];

/** Where events go. */
export interface EventSink {
  tell(event: ServiceEvent): void;
}

export function runSummary(run: RunStatus): RunSummary {
  const { failures, ...summary } = run;
  void failures;
  return summary;
}
