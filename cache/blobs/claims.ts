import type { Digest } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Marks } from './marks.ts';

/** Repositories by path. */
export type Repositories = Readonly<Record<string, RepositoryDocument>>;

/** A run of a sync: what it finds or fetches stays at least until it ends. */
export interface RunLease {
  /**
   * Ends it, once what it proved is published. May be called again, to no effect.
   * @param proven what the subscription may publish without reading it again: stays until the next run says otherwise.
   * @param begun what still misses packages: those that were fetched stay in the same way.
   */
  end(proven: Repositories, begun?: Repositories): void;
}

/** What somebody counts on although no document refers to it yet. */
export class Claims {
  readonly #marks: Marks;
  /** Blobs that are being had, by scope and digest, with how many wait for each. */
  readonly #underWay = new Map<string, Map<string, number>>();
  readonly #maps = new Map<Digest, 'earlier' | 'now'>();
  readonly #left = new Map<string, readonly Repositories[]>();
  readonly #running = new Set<RunLease>();
  /** Those of the runs that were under way at the last `divide` and still are. */
  #earlier = new Set<RunLease>();
  /** Claims of blobs that the index does not know yet; null: it knows all. */
  #early: Map<string, { readonly scope: string; readonly digest: Digest }> | null = new Map();
  /** Grows whenever `left` changes. */
  version = 0;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  beginRun(subscription: string): RunLease {
    const lease: RunLease = {
      end: (proven, begun = {}) => {
        if (!this.#running.delete(lease)) return;
        this.#earlier.delete(lease);
        this.#left.set(subscription, [proven, begun]);
        this.version += 1;
      },
    };
    this.#running.add(lease);
    return lease;
  }

  /** What ended runs left that no generation refers to yet: proven and not published, or begun and not complete. */
  left(): readonly (readonly [subscription: string, repositories: Repositories])[] {
    return [...this.#left].flatMap(([subscription, each]) =>
      each.map((repositories) => [subscription, repositories] as const),
    );
  }

  /**
   * The runs that are under way count on this blob. Told before anybody looks whether it is there.
   * @returns whether the index has it.
   */
  claim(scope: string, digest: Digest): boolean {
    const known = this.#marks.keepForRun(scope, digest);
    if (!known) this.#early?.set(`${scope} ${keptOf(digest)}`, { scope, digest });
    return known;
  }

  /** The runs that are under way count on the package map of this primary. */
  claimMap(primary: Digest): void {
    this.#maps.set(primary, 'now');
  }

  /** Has a blob, or what refers to it, made by `work`: it stays meanwhile, and for the rest of a pass. */
  async during<T>(scope: string, digest: Digest, work: () => Promise<T>): Promise<T> {
    this.begun(scope, digest);
    try {
      return await work();
    } finally {
      this.ended(scope, digest);
    }
  }

  /** A blob is being had from now on, until as many have `ended` it: what `during` does, where a file waits for long. */
  begun(scope: string, digest: Digest): void {
    const key = keptOf(digest);
    const counts = this.#underWay.get(scope) ?? new Map<string, number>();
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (counts.size === 1) this.#underWay.set(scope, counts);
  }

  ended(scope: string, digest: Digest): void {
    this.#marks.mark(scope, digest, false);
    const counts = this.#underWay.get(scope);
    const key = keptOf(digest);
    const others = (counts?.get(key) ?? 1) - 1;
    if (others > 0) counts?.set(key, others);
    else if (counts?.delete(key) === true && counts.size === 0) this.#underWay.delete(scope);
  }

  /** Whether a blob is being had right now. */
  isUnderWay(scope: string, digest: Digest): boolean {
    return this.#underWay.get(scope)?.has(keptOf(digest)) === true;
  }

  /** Whether a blob may go to make room, as things stand now. */
  mayEvict(scope: string, digest: Digest): boolean {
    return !this.isUnderWay(scope, digest) && !this.#marks.isHeldBack(scope, digest);
  }

  holdsMap(primary: Digest): boolean {
    return this.#maps.has(primary);
  }

  /** From now on the index knows every blob: what was claimed before it did is told now. */
  indexed(): void {
    const early = this.#early ?? new Map<never, never>();
    this.#early = null;
    for (const { scope, digest } of early.values()) this.#marks.keepForRun(scope, digest);
  }

  /**
   * Lets go of what ended runs counted on. Runs overlap without end, so it goes by periods: what was claimed before the
   * last `divide`, and not since, goes once all runs that were under way then have ended. Before a pass.
   */
  release(): void {
    if (this.#running.size === 0) this.divide();
    if (this.#earlier.size > 0) return;
    this.#marks.releaseRuns();
    for (const [primary, period] of this.#maps) if (period === 'earlier') this.#maps.delete(primary);
  }

  /** Begins another period: after a pass. */
  divide(): void {
    this.#marks.divideRuns();
    this.#earlier = new Set(this.#running);
    for (const primary of this.#maps.keys()) this.#maps.set(primary, 'earlier');
  }
}

/** What the index keeps of a digest: of long ones the beginning. */
function keptOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':') + 65);
}
