/** Uses of one package since they were last added up. Whoever serves it adds one. */
export interface Use {
  uses: number;
}

/** How much a package is asked for. */
export interface NameInDemand {
  /** `name.arch` */
  readonly name: string;
  /** Uses, each worth half after a week. */
  readonly score: number;
  /** When it was last served, seconds since the epoch, to a few minutes. */
  readonly last: number;
}

interface Entry extends Use {
  score: number;
  last: number;
}

/** Names that are remembered of one repository; of more, those asked for least are forgotten. */
const mostNames = 20_000;
/** New names that are taken in between two settlings, beyond those. */
const spareNames = 5_000;
/** Seconds after which a use is worth half. */
const halfLife = 7 * 24 * 60 * 60;

interface Note {
  readonly format: 1;
  /** Name, score in hundredths, last. */
  readonly names: readonly (readonly [name: string, score: number, last: number])[];
}

/** The packages of one repository that were served. */
export class NamesInDemand {
  readonly #entries = new Map<string, Entry>();
  #unwritten = false;

  /** Whether something is new since `note` was last called. */
  get unwritten(): boolean {
    return this.#unwritten;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @returns null when there are too many. */
  use(name: string): Use | null {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      if (this.#entries.size >= mostNames + spareNames) return null;
      entry = { uses: 0, score: 0, last: 0 };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  /**
   * Adds up the uses since the last call.
   * @param now wall clock, milliseconds.
   */
  settle(now: number): void {
    const seconds = Math.floor(now / 1000);
    for (const entry of this.#entries.values()) {
      if (entry.uses === 0) continue;
      entry.score = decayed(entry, seconds) + entry.uses;
      entry.last = Math.max(entry.last, seconds);
      entry.uses = 0;
      this.#unwritten = true;
    }
    if (this.#entries.size > mostNames) this.#forget();
  }

  /** Those that were used, newest first, of equally new ones the most used. */
  list(): NameInDemand[] {
    return [...this.#entries]
      .filter(([, { last }]) => last > 0)
      .map(([name, { score, last }]) => ({ name, score, last }))
      .sort((one, other) => other.last - one.last || other.score - one.score || (one.name < other.name ? -1 : 1));
  }

  /** What `restore` takes. */
  note(): Note {
    this.#unwritten = false;
    return {
      format: 1,
      names: this.list().map(({ name, score, last }) => [name, Math.round(score * 100), last]),
    };
  }

  /** Adds what an earlier process noted. Anything else is as good as lost. */
  restore(value: unknown): void {
    if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 1) return;
    for (const [name, score, last] of (value as Note).names) {
      const entry = this.#entries.get(name) ?? { uses: 0, score: 0, last: 0 };
      entry.score += score / 100;
      entry.last = Math.max(entry.last, last);
      this.#entries.set(name, entry);
    }
  }

  #forget(): void {
    const seconds = Math.max(
      ...this.list()
        .slice(0, 1)
        .map(({ last }) => last),
      0,
    );
    const worth = [...this.#entries].map(([name, entry]) => ({ name, worth: decayed(entry, seconds) }));
    worth.sort((one, other) => one.worth - other.worth);
    for (const { name } of worth.slice(0, this.#entries.size - mostNames)) this.#entries.delete(name);
  }
}

function decayed({ score, last }: Entry, seconds: number): number {
  return score * 2 ** (-Math.max(0, seconds - last) / halfLife);
}
