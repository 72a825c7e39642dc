import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { PlainRequest } from '../base/plain-get.ts';
import type { Answer, Loader, Purpose, Transfer } from '../base/transfer.ts';
import type { Client } from './client.ts';
import type { Until } from './judgement.ts';
import type { Source } from './source.ts';
import type { Passage } from './traffic.ts';
import { firstToGive } from './tries.ts';

/** Where the tries of many files go. */
export interface LoaderParts {
  readonly client: Client;
  /** All sources, best first, as they are now. */
  readonly sources: (signal: AbortSignal) => readonly Source[] | Promise<readonly Source[]>;
  /** The one source that there is, where there will be no other; plain GETs are for these alone. */
  readonly only?: Source | null;
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds until the first byte, over all sources and rounds of one `open`. */
  readonly startBudget: number;
}

/** What one loader loads. */
export interface Wish {
  /** Raw, relative to each source. */
  readonly href: string;
  /** Where every transfer ends; null: at the end of the file. */
  readonly until: Until | null;
  readonly purpose: Purpose;
}

/** How often a transfer may be begun without getting on, and how many bytes are getting on. */
const mostFruitless = 5;
const progress = 64 * 1024;

/** The tries of one fill, or of one slice. A 404 here is a hub's fault, not absence: metadata names the file (see firstToGive). */
export class SourceLoader implements Loader {
  readonly #parts: LoaderParts;
  readonly #href: string;
  readonly #until: Until | null;
  readonly #passage: Passage;
  /** Transfers that were begun: mostly one. */
  readonly #begun: { readonly transfer: Transfer; readonly source: Source }[] = [];
  /** One entry for each lie. */
  readonly #liars: Source[] = [];
  /** Gave the last transfer; if that broke off, the others are asked first. */
  #last: Source | null = null;
  /** Is asked now. */
  #asked: Source | null = null;
  #furthest = 0;
  #fruitless = 0;

  constructor(parts: LoaderParts, { href, until, purpose }: Wish) {
    this.#parts = parts;
    this.#href = href;
    this.#until = until;
    this.#passage = parts.client.passage(purpose);
  }

  open(offset: number, signal: AbortSignal): Promise<Transfer> {
    const over = this.#countTry(offset);
    if (over !== null) return Promise.reject(over);
    const { sources: find, startBudget } = this.#parts;
    const sources = find(signal);
    if (sources instanceof Promise) return this.#find(sources, offset, signal);
    return this.#from(sources, startBudget, { offset, signal });
  }

  async #find(finding: Promise<readonly Source[]>, offset: number, signal: AbortSignal): Promise<Transfer> {
    const { clock, startBudget } = this.#parts;
    const began = clock.monotonic();
    const sources = await finding;
    return this.#from(sources, startBudget - (clock.monotonic() - began), { offset, signal });
  }

  #from(
    sources: readonly Source[],
    budget: number,
    { offset, signal }: { readonly offset: number; readonly signal: AbortSignal },
  ): Promise<Transfer> {
    const { clock, random, client } = this.#parts;
    const [passage, href, until] = [this.#passage, this.#href, this.#until];
    const trusted = this.#trusted(sources);
    if (trusted.length === 0)
      return Promise.reject(new WaystationError('upstream_lied', `no source gives ${href} as its metadata lists it`));
    const ask = (source: Source, startWithin: number): Promise<Answer> => {
      this.#asked = source;
      return client.get({ url: source.url(href), offset, until, validators: null, startWithin, passage }, signal);
    };
    return firstToGive({ sources: trusted, budget, clock, random, signal, passage }, ask).then((answer) =>
      this.#opened(answer),
    );
  }

  /** What the source that was asked last gives. */
  #opened(answer: Answer): Transfer {
    const source = this.#asked;
    if (answer.kind !== 'found' || source === null)
      throw new WaystationError('upstream_lied', `${source?.name ?? this.#href} answers 304 unasked`);
    this.#begun.push({ transfer: answer.transfer, source });
    this.#last = source;
    return answer.transfer;
  }

  lied(transfer: Transfer): void {
    const source = this.#begun.find((begun) => begun.transfer === transfer)?.source;
    if (source !== undefined) this.#lies(source);
  }

  #lies(source: Source): void {
    source.lied();
    this.#liars.push(source);
  }

  turn(signal: AbortSignal): boolean | Promise<boolean> {
    const sources = this.#parts.sources(signal);
    const enter = ([first]: readonly Source[]): boolean | Promise<boolean> =>
      first !== undefined && this.#passage.enter(first.origin, signal);
    return sources instanceof Promise ? sources.then(enter) : enter(sources);
  }

  plain(): PlainRequest | null {
    const source = this.#parts.only ?? null;
    if (source === null || this.#until !== null || this.#begun.length > 0 || this.#liars.length > 0) return null;
    if (!source.isPlain) return null;
    return this.#parts.client.plain(source.url(this.#href), this.#passage, ({ failure }) => {
      if (failure === 'wrong') this.#lies(source);
      else if (failure === null) source.gave();
      else source.notPlain(failure);
    });
  }

  done(): void {
    this.#passage.leave();
  }

  received(): void {
    this.#passage.leave();
  }

  hurry(): void {
    this.#passage.hurry();
  }

  /** Those who have not lied about this file; one that is alone gets a second chance. */
  #trusted(sources: readonly Source[]): readonly Source[] {
    if (sources.length === 1 && this.#liars.length === 0) return sources;
    const forgiven = sources.length === 1 ? 1 : 0;
    const trusted = sources.filter((source) => this.#liesOf(source) <= forgiven);
    return trusted.toSorted((one, other) => Number(one === this.#last) - Number(other === this.#last));
  }

  #liesOf(source: Source): number {
    return this.#liars.filter((liar) => liar === source).length;
  }

  /** @returns `upstream_cut` when upstream after upstream breaks off at the same place. */
  #countTry(offset: number): WaystationError | null {
    this.#fruitless = offset >= this.#furthest + progress ? 0 : this.#fruitless + 1;
    this.#furthest = Math.max(this.#furthest, offset);
    if (this.#fruitless <= mostFruitless) return null;
    const where = `${this.#href} at byte ${offset}`;
    return new WaystationError('upstream_cut', `${where}: ${mostFruitless} transfers brought nothing`);
  }
}
