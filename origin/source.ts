import type { PlainFailure } from '../base/plain-get.ts';
import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import { encodePath } from '../http/request-path.ts';
import type { OriginHealth } from './origin-health.ts';
import type { Target } from './request-text.ts';
import { shownUrl } from './shown-url.ts';

const dots = /\/\.{1,2}(?:\/|$)/;
/** Milliseconds for which a source that lied is asked after all others. */
const distrust = 300_000;
/** Milliseconds for which one that failed to give a file by a plain GET is not asked for others so. */
const unplain = 300_000;

/** One URL under which a repository's files are. Shared by all fills of that repository. */
export class Source {
  /** For logs and errors. */
  readonly name: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Of the URL of a file: the path of the repository, and what comes behind that of the file. */
  readonly #folder: string;
  readonly #search: string;
  readonly #health: OriginHealth;
  readonly #clock: Clock;
  /** What Retry-After asked for: no requests before `until`, but one. */
  #hold: { readonly since: number; readonly until: number; spare: number } | null = null;
  #plainFrom = Number.NEGATIVE_INFINITY;
  #liedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, health: OriginHealth, clock: Clock) {
    const base = new URL(url);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.name = shownUrl(base);
    this.origin = base.origin;
    this.#folder = base.pathname;
    this.#search = base.search;
    this.#health = health;
    this.#clock = clock;
  }

  get up(): boolean {
    return this.#health.up && !this.#health.open;
  }

  /** Lower is asked earlier; equal ones in configured order. */
  get rank(): number {
    const distrusted = this.#clock.monotonic() - this.#liedAt < distrust;
    return (this.#health.open ? 8 : 0) + (distrusted ? 4 : 0) + (this.holdLeft > 0 ? 2 : 0) + (this.#health.up ? 0 : 1);
  }

  /** Milliseconds that Retry-After still asks for. */
  get holdLeft(): number {
    return Math.max(0, (this.#hold?.until ?? 0) - this.#clock.monotonic());
  }

  /** Where a file is; sources that give files by other names say it otherwise. @param href raw, relative. */
  url(href: string): Target {
    const pathname = this.#folder + encodePath(href);
    // What is encoded is spelled as a URL spells it, but for dot segments.
    if (dots.test(pathname)) return new URL(`${this.origin}${pathname}${this.#search}`);
    return { origin: this.origin, pathname, search: this.#search };
  }

  /**
   * Why this source may not be asked now; null when it may. A null is a promise to ask: while Retry-After runs there is
   * one, in its second half, because servers ask for more than they need.
   */
  refusal(): WaystationError | null {
    const open = this.#health.refusal();
    if (open !== null) return open;
    const left = this.holdLeft;
    if (this.#hold === null || left === 0) return null;
    const halfway = (this.#hold.since + this.#hold.until) / 2;
    if (this.#hold.spare > 0 && this.#clock.monotonic() >= halfway) {
      this.#hold.spare--;
      return null;
    }
    const retryAfter = Math.ceil(left / 1000);
    return new WaystationError('upstream_status', `${this.name} asked for ${retryAfter} s without requests`, {
      retryAfter,
    });
  }

  /** @param seconds from Retry-After. */
  holdFor(seconds: number): void {
    const now = this.#clock.monotonic();
    // An answer to the spare try does not grant another.
    const spare = this.holdLeft > 0 ? (this.#hold?.spare ?? 0) : 1;
    this.#hold = { since: now, until: now + seconds * 1000, spare };
  }

  /** It gave a file, or part of one: whatever it asked for is over. */
  gave(): void {
    this.#hold = null;
  }

  /** Whether plain GETs of it are worth a try: all is well with it. Unlike `refusal` it promises nothing. */
  get isPlain(): boolean {
    return this.up && this.holdLeft === 0 && this.#clock.monotonic() >= this.#plainFrom;
  }

  /** A plain GET of it failed: if that will happen again, none is tried for a while. */
  notPlain(failure: PlainFailure): void {
    if (failure !== 'missing' && failure !== 'unputtable') this.#plainFrom = this.#clock.monotonic() + unplain;
  }

  lied(): void {
    this.#liedAt = this.#clock.monotonic();
  }
}
