import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { Loader } from '../../base/transfer.ts';
import { Abandoning } from './abandoning.ts';
import { Bypass } from './bypass.ts';
import type { Followable } from './followable.ts';
import { Filling } from './filling.ts';
import { firstByte, readyInTime } from './first-byte.ts';
import type { PlaceStore } from './fill-place.ts';
import { Follower } from './follower.ts';
import { InFlight, keyOf } from './in-flight.ts';
import type { FillRequest } from './in-flight.ts';
import { Lingering } from './lingering.ts';
import type { OpenedFill, OpenedSlice } from './opened.ts';
import type { Sent } from './sent.ts';
import { liesDeep, Slices } from './slices.ts';
import type { SingleRange } from './slices.ts';
import { unlessAborted } from './unless-aborted.ts';
import { Waiter } from './waiter.ts';
import type { Awaited } from './waiter.ts';

/** A request that saw no file just before the rename must still find the fill. */
const linger = 100;

/** The one fill of each blob. Clients and syncs join it; it belongs to none of them. */
export class Fills implements Awaited {
  readonly #store: PlaceStore;
  readonly #clock: Clock;
  readonly #results: Counter;
  readonly #slices: Slices;
  readonly #inFlight = new Map<string, InFlight>();
  /** Held files that clients still read by the fill that brought them: their room is free only when they have gone. */
  readonly #followed = new Map<string, Followable>();
  /** Files whose parts are being looked at or removed. */
  readonly #tidied = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  readonly #lingering: Lingering<InFlight>;
  readonly #abandoning: Abandoning;
  readonly #filling: Filling;

  constructor(options: Omit<PlaceStore, 'unsure'> & { clock: Clock; log: Logger; meter: Meter }) {
    this.#store = { ...options, unsure: new Set() };
    this.#clock = options.clock;
    this.#slices = new Slices(options);
    this.#abandoning = new Abandoning(options.clock);
    this.#lingering = new Lingering(options.clock, linger, this.#closing.signal, (entry) =>
      this.#keptLongEnough(entry),
    );
    this.#results = options.meter.counter('fills_total', 'Transfers of one file from upstream, by how they ended', [
      'result',
    ]);
    this.#filling = new Filling({
      ...options,
      store: this.#store,
      results: this.#results,
      left: (entry) => this.#left(entry),
      stored: (entry) => this.#lingering.keep(entry),
      failed: (entry) => this.#forget(entry),
    });
  }

  get active(): number {
    return this.#inFlight.size;
  }

  /** Whether a file is on its way in, or read as it came. */
  uses(file: Pick<FillRequest, 'scope' | 'listed'>): boolean {
    const key = keyOf(file);
    return this.#inFlight.has(key) || this.#followed.has(key);
  }

  /**
   * A client's view of the file's fill, at `start`; resolves when its first byte can be read.
   * @param single the client wants no more than this: what of it lies far ahead of the fill is passed through meanwhile.
   * @throws WaystationError when no source can give it now.
   */
  async open(request: FillRequest, start: number): Promise<OpenedFill>;
  async open(request: FillRequest, start: number, single: SingleRange | null): Promise<OpenedFill | OpenedSlice>;
  async open(
    request: FillRequest,
    start: number,
    single: SingleRange | null = null,
  ): Promise<OpenedFill | OpenedSlice> {
    for (;;) {
      const begun = this.#clock.monotonic();
      const key = keyOf(request);
      const joined = this.#inFlight.get(key);
      const entry = joined ?? this.#start(request, key);
      entry.clientCame();
      const fill = await entry.following();
      if (fill === null) return (await this.#pass(request, single, null)) ?? this.#bypass(request, start);
      if (joined !== undefined && fill.over) {
        await joined.stored.promise.catch(() => {});
        continue;
      }
      // Before anything is waited for: from then on its part stays open.
      const follower = new Follower(fill.growing, start, (sent) => this.#own(request, sent.end, sent));
      const passed = await this.#pass(request, single, fill);
      if (passed !== null) {
        follower.release();
        return passed;
      }
      const proven = joined !== undefined && fill.growing.verified;
      try {
        await firstByte(fill, start, this.#clock, begun);
        const outcome = joined === undefined ? 'miss' : proven ? 'hit' : 'collapsed';
        return { source: follower, outcome: entry.storing ? outcome : 'bypass' };
      } catch (error) {
        follower.release();
        const failure = asWaystationError(error);
        if (failure.source === 'disk') return this.#bypass(request, start);
        if (joined === undefined || !joined.failedForItself(failure)) throw failure;
        await joined.stored.promise.catch(() => {});
      }
    }
  }

  /**
   * Resolves when the file is held. One that somebody else began is joined; when it fails by that one's sources, ours have
   * still to be asked.
   * @throws WaystationError when it cannot be had or kept; the signal's reason.
   */
  ensure(request: FillRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const key = keyOf(request);
    const joined = this.#inFlight.get(key);
    const entry = joined ?? this.#start(request, key);
    if (request.teller !== undefined) entry.tell(request.teller);
    const wait = { entry, request, joined: joined !== undefined, signal };
    return new Promise((resolve, reject) => void new Waiter(this, wait, resolve, reject));
  }

  /** Nobody may be left who waits for it. */
  left(entry: InFlight): void {
    this.#abandoning.unwanted(entry);
  }

  /** Resolves when who comes finds no fill of the file, not even one that has ended. @throws the signal's reason. */
  async gone(file: Pick<FillRequest, 'scope' | 'listed'>, signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#inFlight.get(keyOf(file))?.gone.promise ?? Promise.resolve(), signal);
  }

  /** Does `work` on a file's part unless a fill of it is under way; one that begins meanwhile waits until it is done. */
  async whileNoneOf(file: Pick<FillRequest, 'scope' | 'listed'>, work: () => Promise<void>): Promise<void> {
    const key = keyOf(file);
    if (this.#inFlight.has(key)) return;
    const working = work();
    const settled = working.catch(() => {});
    this.#tidied.set(key, settled);
    await settled;
    this.#tidied.delete(key);
    await working;
  }

  /** Stops what is under way, once and for all. Parts stay: the next start goes on with them. */
  async close(): Promise<void> {
    this.#closing.abort();
    const reason = new WaystationError('cancelled', 'the service stops');
    this.#store.disk.cutFetches?.();
    const stopping = [...this.#inFlight.values()].map(async (entry) => {
      const gone = entry.gone.promise.then(() => null);
      // A fetch that was cut goes on as a fill, which is cancelled; one that came all the same never is one.
      if (!entry.whole) (await Promise.race([entry.begun.promise, gone]))?.cancel(reason);
      await gone;
    });
    await Promise.all(stopping);
  }

  /** @returns null when the range is not to be passed through, or cannot be. */
  async #pass(
    { listed }: FillRequest,
    single: SingleRange | null,
    fill: Followable | null,
  ): Promise<OpenedSlice | null> {
    if (single === null || !liesDeep(listed, single, fill, this.#clock.monotonic())) return null;
    const loader = (): Loader => this.#filling.counting(single.loader());
    const source = await this.#slices.open(listed, { ...single, loader }, fill);
    return source === null ? null : { source, outcome: 'partial' };
  }

  async #bypass(request: FillRequest, start: number): Promise<OpenedFill> {
    const source = this.#own(request, start);
    try {
      await readyInTime(source.ready(), this.#clock);
    } catch (error) {
      source.release();
      throw error;
    }
    return { source, outcome: 'bypass' };
  }

  #own(request: FillRequest, start: number, sent?: Sent): Bypass {
    this.#results.inc({ result: 'bypassed' });
    const loader = (): Loader => this.#filling.counting(request.loader());
    return new Bypass({ listed: request.listed, loader, start, ...(sent && { sent }) });
  }

  #start(request: FillRequest, key: string): InFlight {
    const entry = new InFlight(key, request.adopt === true);
    this.#inFlight.set(entry.key, entry);
    this.#filling.begin(request, entry, this.#tidied.get(key) ?? null);
    return entry;
  }

  #keptLongEnough(entry: InFlight): void {
    const { fill, key } = entry;
    if (fill !== null && fill.growing.followers > 0) this.#followed.set(key, fill);
    this.#forget(entry);
    entry.gone.resolve();
  }

  #forget(entry: InFlight): void {
    entry.comeBack?.abort();
    // At once: nobody finds it whose part is closed.
    this.#inFlight.delete(entry.key);
    entry.fill?.growing.part.release();
  }

  /** Nobody reads it any more. */
  #left(entry: InFlight): void {
    const { fill, key } = entry;
    if (fill === null) return;
    if (this.#followed.get(key) === fill) this.#followed.delete(key);
    this.#abandoning.consider(fill, entry);
  }
}
