import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import type { Sink } from '../../mirror/sink.ts';
import type { GenerationStore, Holdings, Notes, RunLease } from '../../sync/store.ts';

/** Generations and notes in memory: survives what a test calls a restart, because the test keeps it. */
export class MemoryGenerations implements GenerationStore {
  readonly notes: Notes;
  /** Path → monotonic time, set by the test as if a client had read the repomd.xml. */
  readonly served = new Map<string, number>();
  /** Runs and generations, in their order. */
  readonly events: string[] = [];
  readonly #sink: Sink;
  readonly pinned = new Set<string>();
  readonly #held = new Map<string, { readonly id: string; readonly since: string }>();
  readonly #kept = new Map<string, readonly GenerationDocument[]>();
  readonly #watchers = new Set<() => void>();
  #refusal: Error | null = null;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.notes = memoryNotes(() => this.#told());
  }

  /** Resolves once a condition holds; it is looked at when a generation or a note was written. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      // Listened to before the look: what is written while that goes on must not be missed.
      const told = new Promise<void>((resolve) => this.#watchers.add(resolve));
      if (await condition()) return;
      await told;
    }
  }

  #told(): void {
    const waiting = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of waiting) wake();
  }

  current(subscription: string): GenerationDocument | null {
    const held = this.#held.get(subscription);
    return this.kept(subscription).find(({ id }) => held === undefined || id === held.id) ?? null;
  }

  newest(subscription: string): GenerationDocument | null {
    return this.kept(subscription)[0] ?? null;
  }

  rolledBackSince(subscription: string): string | null {
    return this.#held.get(subscription)?.since ?? null;
  }

  /** From now on this one is current; null: the newest, and those to come. */
  hold(subscription: string, held: { readonly id: string; readonly since: string } | null): void {
    if (held === null) this.#held.delete(subscription);
    else this.#held.set(subscription, held);
  }

  pins(): Promise<ReadonlySet<string>> {
    return Promise.resolve(this.pinned);
  }

  kept(subscription: string): readonly GenerationDocument[] {
    return this.#kept.get(subscription) ?? [];
  }

  async publish(document: GenerationDocument): Promise<void> {
    if (this.#refusal !== null) throw this.#refusal;
    this.events.push(`${document.subscription} published`);
    this.#kept.set(document.subscription, [document, ...this.kept(document.subscription)]);
    this.#told();
  }

  /** Publishing fails with this from now on; null: it works again. */
  refuse(reason: Error | null): void {
    this.#refusal = reason;
  }

  repomdServedAt(path: string): number | null {
    return this.served.get(path) ?? null;
  }

  beginRun(subscription: string): RunLease {
    this.events.push(`run of ${subscription} begins`);
    return {
      end: (proven, begun) => {
        const also = Object.keys(begun).length === 0 ? '' : `, having begun ${Object.keys(begun).join()}`;
        this.events.push(`run of ${subscription} ends with ${Object.keys(proven).join()}${also}`);
      },
    };
  }

  holdsAll(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async holdings(_path: string, repository: RepositoryDocument): Promise<Holdings> {
    const map = repository.map === null ? null : await this.#sink.map(repository.map);
    const { packages = 0, bytes = 0, unservable = 0 } = map ?? {};
    const tree = { listed: Object.keys(repository.tree?.files ?? {}).length, held: 0 };
    return { packages: { listed: packages, held: 0, unservable }, bytes: { listed: bytes, held: 0 }, tree };
  }
}

function memoryNotes(written: () => void): Notes {
  const notes = new Map<string, string>();
  return {
    get: async (key) => JSON.parse(notes.get(key) ?? 'null') as unknown,
    put: async (key, value) => {
      notes.set(key, JSON.stringify(value));
      written();
    },
  };
}
