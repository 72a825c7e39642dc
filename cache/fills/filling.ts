import type { Clock } from '../../base/clock.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { Loader } from '../../base/transfer.ts';
import { verificationFailures } from '../blobs/verification-failures.ts';
import { Fill } from './fill.ts';
import { FillPlace } from './fill-place.ts';
import type { PlaceStore } from './fill-place.ts';
import { Whole } from './followable.ts';
import type { FillRequest, InFlight } from './in-flight.ts';
import type { Part } from './part.ts';
import { LoaderTellingLies } from './telling-lies.ts';

/** The usual end, by its labels. */
const stored = { result: 'stored' };

interface Parts {
  readonly store: PlaceStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  readonly results: Counter;
  /** Nobody follows it any more. */
  readonly left: (entry: InFlight) => void;
  /** The file is held; who waits was told. */
  readonly stored: (entry: InFlight) => void;
  /** It is not to be found any more; who waits is told then. */
  readonly failed: (entry: InFlight) => void;
}

/** What there is of a fill already when it is run. */
interface Begun {
  readonly loader: Loader;
  readonly place: FillPlace | Promise<FillPlace>;
}

/** Brings files from nothing to held: small ones of a sync mostly as the disk fetches them by itself, all others by a fill. */
export class Filling {
  readonly #parts: Parts;
  readonly #store: PlaceStore;
  readonly #told: ConstructorParameters<typeof LoaderTellingLies>[1];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#told = { lies: verificationFailures(parts.meter), log: parts.log };
  }

  /** The entry says how it goes. @param tidied work on the file's part, which is waited for. */
  begin(request: FillRequest, entry: InFlight, tidied: Promise<void> | null): void {
    if (tidied !== null || !this.#fetch(request, entry)) void this.#run(request, entry, tidied, null);
  }

  /** The same loader, whose lies are counted and logged. */
  counting(loader: Loader): Loader {
    return new LoaderTellingLies(loader, this.#told);
  }

  /** Has the disk fetch the file. @returns false when it cannot be had so; nothing was begun then. */
  #fetch(request: FillRequest, entry: InFlight): boolean {
    const { disk } = this.#store;
    const { scope, listed, adopt = false, teller } = request;
    // Who asks for a client tells nobody when it is received.
    if (disk.fetchPart === undefined || adopt || teller === undefined) return false;
    const loader = this.counting(request.loader());
    const plain = loader.plain?.() ?? null;
    if (plain === null) return false;
    entry.begunWith(loader);
    const place = FillPlace.reserve(this.#store, { scope, listed, adopt });
    const isUnderWay =
      !(place instanceof Promise) &&
      place.fetch(plain, (part) => {
        if (part === null) void this.#run(request, entry, null, { loader, place });
        else this.#fetched(listed, entry, place, part);
      });
    if (!isUnderWay) void this.#run(request, entry, null, { loader, place });
    return true;
  }

  #fetched(listed: Listed, entry: InFlight, place: FillPlace, part: Part): void {
    entry.isWhole(() => new Whole(listed, part, () => this.#parts.left(entry)));
    this.#store.blobs.keep(place.toKeep(part, listed.digest, entry), (error) => {
      if (error === null) this.#stored(entry);
      else void this.#failed(error, entry, listed, place);
    });
  }

  /** Fills it. Never rejects. */
  async #run(request: FillRequest, entry: InFlight, tidied: Promise<void> | null, begun: Begun | null): Promise<void> {
    const { scope, listed, adopt = false } = request;
    let place: FillPlace | null = null;
    try {
      if (tidied !== null) await tidied;
      const reserved = begun?.place ?? FillPlace.reserve(this.#store, { scope, listed, adopt });
      place = reserved instanceof Promise ? await reserved : reserved;
      entry.storing = place.stores;
      if (!place.usable)
        throw new WaystationError('disk_full', `no space to store ${listed.digest} (${listed.size} bytes)`);
      const beginning = this.#fill(request, entry, begun?.loader ?? null, place);
      const fill = beginning instanceof Promise ? await beginning : beginning;
      entry.has(fill);
      const { sha256 } = await fill.run();
      await this.#store.blobs.commit(place.toKeep(fill.growing.part, sha256, entry));
      this.#stored(entry);
    } catch (error) {
      await this.#failed(error, entry, listed, place);
    }
  }

  #fill(request: FillRequest, entry: InFlight, begun: Loader | null, place: FillPlace): Fill | Promise<Fill> {
    const loader = begun ?? this.counting(request.loader());
    if (begun === null) entry.begunWith(loader);
    return Fill.begin({
      listed: request.listed,
      loader,
      parts: place,
      clock: this.#parts.clock,
      wholeFirst: request.adopt === true,
      onIdle: () => this.#parts.left(entry),
    });
  }

  #stored(entry: InFlight): void {
    this.#parts.results.inc(stored);
    entry.stored.resolve();
    this.#parts.stored(entry);
  }

  async #failed(error: unknown, entry: InFlight, listed: Listed, place: FillPlace | null): Promise<void> {
    // Whoever waits for the fill has one by now, or never will.
    entry.begun.resolve(null);
    entry.received();
    await this.#book(asWaystationError(error), listed, place);
    this.#parts.failed(entry);
    // Now that it is not found any more: who is told may begin another at once.
    entry.stored.reject(error);
    entry.gone.resolve();
  }

  /** Books what became of a fill that stored nothing. */
  async #book(failure: WaystationError, { digest }: Listed, place: FillPlace | null): Promise<void> {
    const { results, log } = this.#parts;
    const left = (await place?.leave()) ?? 0;
    if (failure.source !== 'disk') {
      const why = failure.code === 'upstream_lied' ? 'lied' : left > 0 ? 'cut' : 'refused';
      results.inc({ result: failure.code === 'cancelled' ? 'abandoned' : why });
    } else if (place?.stores === true) this.#store.space.failed(failure);
    else if (place?.usable === true) results.inc({ result: 'bypassed' });
    const fields = { digest, code: failure.code, reason: failure.message, bytes: left };
    log.info(fields, 'a fill ended without storing');
  }
}
