import type { GenerationDocument, RepositoryDocument } from '../base/generation.ts';

/** How much of a repository this PoP holds. Sizes are the listed ones, in bytes. */
export interface Holdings {
  readonly packages: { readonly listed: number; readonly held: number; readonly unservable: number };
  readonly bytes: { readonly listed: number; readonly held: number };
  /** Files of its installation tree. */
  readonly tree: { readonly listed: number; readonly held: number };
}

/** Small facts that are worth keeping over a restart and harmless to lose. */
export interface Notes {
  /** The value last put, null when there is none or it was lost. */
  get(key: string): Promise<unknown>;
  /** `value` is JSON. Never rejects for want of space: a note may be lost. */
  put(key: string, value: unknown): Promise<void>;
}

/** A run under way: what it finds or fetches stays at least until it ends. */
export interface RunLease {
  /**
   * @param proven what may be published later without being read again: it stays, until the next run says otherwise.
   * @param begun what still misses packages: those that were fetched stay in the same way.
   */
  end(proven: Readonly<Record<string, RepositoryDocument>>, begun: Readonly<Record<string, RepositoryDocument>>): void;
}

/** What subscriptions need of the PoP's store, beside the `Sink` that repositories are read into. */
export interface GenerationStore {
  /** What the subscription serves now; null when it never published. */
  current(subscription: string): GenerationDocument | null;
  /** Every generation that is still served, newest first, the current one included. */
  kept(subscription: string): readonly GenerationDocument[];
  /** What it would serve if it were not rolled back: what the next generation is compared with. */
  newest(subscription: string): GenerationDocument | null;
  /** RFC 3339: since when it does not follow the newest; null: it does. */
  rolledBackSince(subscription: string): string | null;
  /** The generations that are pinned. @throws WaystationError when that cannot be read. */
  pins(): Promise<ReadonlySet<string>>;
  /** Resolves once the document is durable, and served as the current one unless its subscription is rolled back. */
  publish(document: GenerationDocument): Promise<void>;
  /** When a client was last given this path's repomd.xml, in the clock's monotonic milliseconds; null: never. */
  repomdServedAt(path: string): number | null;
  holdings(path: string, repository: RepositoryDocument): Promise<Holdings>;
  /** Called before anything is read; ended after what was proven is published. */
  beginRun(subscription: string): RunLease;
  /** Whether every package is held; those that are stay until the run ends. */
  holdsAll(path: string, repository: RepositoryDocument): Promise<boolean>;
  readonly notes: Notes;
}
