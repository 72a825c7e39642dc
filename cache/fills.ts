import type { ByteSource } from '../base/body.ts';
import type { Clock } from '../base/clock.ts';
import type { Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Counter, Meter } from '../base/metrics.ts';
import type { Loader } from '../base/transfer.ts';
import type { BlobStore } from './blob-store.ts';
import { Bypass } from './bypass.ts';
import type { Sent } from './bypass.ts';
import type { Disk } from './disk.ts';
import { Fill, verifyFirstLimit } from './fill.ts';
import { Follower } from './follower.ts';
import { firstByteBudget } from './growing.ts';
import type { Layout } from './layout.ts';
import { FilePart, MemoryPart } from './part.ts';
import type { Part } from './part.ts';
import type { Reservation, Space } from './space.ts';

/** A fill that nobody follows goes on when it is this small or this far … */
const keptSize = 32 * 1024 * 1024;
const keptShare = 0.25;
/** … else it stops so long after the last follower left; its part stays for a day. */
const abandonAfter = 30_000;

export interface FillRequest {
  readonly scope: string;
  readonly listed: Listed;
  /** Called at most once, only when this request starts the fill or needs a transfer of its own. */
  readonly loader: () => Loader;
  /** Looks for bytes that an earlier run left also when the file is small. */
  readonly adopt?: boolean;
}

export interface OpenedFill {
  readonly source: ByteSource;
  /** `hit`: the fill had proven the whole file before this request came, and is only being named. */
  readonly outcome: 'hit' | 'miss' | 'collapsed' | 'bypass';
}

interface InFlight {
  /** null: it cannot be stored, and is too large to be shared in memory. */
  readonly begun: Promise<Fill | null>;
  /** Settles when the file is held, or will not be. */
  readonly stored: Promise<void>;
  storing: boolean;
  /** Syncs that wait for it: it goes on without followers. */
  wanted: number;
}

/** The one fill of each blob. Clients and syncs join it; it belongs to none of them. */
export class Fills {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #space: Space;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #results: Counter;
  readonly #lies: Counter;
  readonly #inFlight = new Map<string, InFlight>();

  constructor(options: {
    disk: Disk;
    layout: Layout;
    blobs: BlobStore;
    space: Space;
    clock: Clock;
    log: Logger;
    meter: Meter;
  }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#space = options.space;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#results = options.meter.counter('fills_total', 'Transfers of one file from upstream, by how they ended', [
      'result',
    ]);
    this.#lies = options.meter.counter(
      'verification_failures_total',
      'Transfers whose bytes were not what metadata lists',
    );
  }

  get active(): number {
    return this.#inFlight.size;
  }

  /**
   * A client's view of the file's fill, at `start`; resolves when its first byte can be read.
   * @throws WaystationError when no source can give it now.
   */
  async open(request: FillRequest, start: number): Promise<OpenedFill> {
    const joined = this.#inFlight.get(keyOf(request));
    const entry = joined ?? this.#start(request);
    const fill = await entry.begun;
    const proven = joined !== undefined && fill?.growing.verified === true;
    if (fill === null) return this.#bypass(request, start);
    const follower = new Follower(fill.growing, start, (sent) => this.#own(request, sent.end, sent));
    try {
      await this.#firstByte(fill, start);
    } catch (error) {
      follower.release();
      const failure = asWaystationError(error);
      if (failure.source === 'disk') return this.#bypass(request, start);
      throw failure;
    }
    return {
      source: follower,
      outcome: entry.storing ? (joined === undefined ? 'miss' : proven ? 'hit' : 'collapsed') : 'bypass',
    };
  }

  /** Resolves when the file is held. @throws WaystationError when it cannot be had or kept; the signal's reason. */
  async ensure(request: FillRequest, signal: AbortSignal): Promise<void> {
    const entry = this.#inFlight.get(keyOf(request)) ?? this.#start(request);
    entry.wanted += 1;
    const stop = Promise.withResolvers<never>();
    const onAbort = (): void => stop.reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([entry.stored, stop.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      entry.wanted -= 1;
      if (entry.wanted === 0) void entry.begun.then((fill) => fill !== null && this.#considerAbandoning(fill, entry));
    }
  }

  async #bypass(request: FillRequest, start: number): Promise<OpenedFill> {
    const source = this.#own(request, start);
    try {
      await source.ready();
    } catch (error) {
      source.release();
      throw error;
    }
    return { source, outcome: 'bypass' };
  }

  #own(request: FillRequest, start: number, sent?: Sent): Bypass {
    this.#results.inc({ result: 'bypassed' });
    return new Bypass({
      listed: request.listed,
      loader: this.#counting(request.loader()),
      start,
      ...(sent && { sent }),
    });
  }

  /** Waits for the first byte that this client may be sent, but not for ever: dnf gives up after 30 s without any. */
  async #firstByte(fill: Fill, start: number): Promise<void> {
    const { growing } = fill;
    const begun = this.#clock.monotonic();
    while (growing.released <= start && !growing.verified) {
      if (growing.failure !== null) throw growing.failure;
      const budget = fill.progress > 0 ? 2.5 * firstByteBudget : firstByteBudget;
      const left = begun + budget - this.#clock.monotonic();
      if (left <= 0) throw new WaystationError('upstream_timeout', 'the upstream sends nothing');
      const timer = new AbortController();
      // Progress is looked at again at least each second: bytes may come that are not to be released yet.
      await Promise.race([growing.change(), this.#clock.sleep(Math.min(left, 1_000), timer.signal).catch(() => {})]);
      timer.abort();
    }
  }

  #start(request: FillRequest): InFlight {
    const key = keyOf(request);
    const begun = Promise.withResolvers<Fill | null>();
    const entry: InFlight = {
      begun: begun.promise,
      stored: this.#run(request, begun, () => entry),
      storing: true,
      wanted: 0,
    };
    this.#inFlight.set(key, entry);
    // Lingers for a moment: a request that saw no file just before the rename must find the fill.
    const end = (): void => {
      setTimeout(() => this.#inFlight.get(key) === entry && this.#inFlight.delete(key), 100).unref();
    };
    entry.stored.then(end, () => this.#inFlight.delete(key));
    return entry;
  }

  async #run(request: FillRequest, begun: PromiseWithResolvers<Fill | null>, entry: () => InFlight): Promise<void> {
    // Lets `#start` register the entry first.
    await null;
    const { scope, listed } = request;
    const path = this.#layout.part(scope, listed);
    const small = listed.size <= verifyFirstLimit && request.adopt !== true;
    const reservation = await this.#reserve(path, listed, small);
    if (reservation === null) entry().storing = false;
    if (reservation === null && !small) {
      begun.resolve(null);
      throw new WaystationError('disk_full', `no space to store ${listed.digest} (${listed.size} bytes)`);
    }
    let part: Part | null = null;
    try {
      const fill = await Fill.begin({
        listed,
        loader: this.#counting(request.loader()),
        makePart: async (attempt, onWritten) => {
          part = small
            ? new MemoryPart(listed.size, onWritten)
            : await FilePart.open(this.#disk, path, attempt === 0 ? await this.#left(path) : 0, onWritten);
          return part;
        },
        onIdle: () => void begun.promise.then((idle) => idle !== null && this.#considerAbandoning(idle, entry())),
      });
      begun.resolve(fill);
      const { sha256 } = await fill.run();
      if (reservation === null) {
        this.#results.inc({ result: 'bypassed' });
        throw new WaystationError('disk_full', `no space to store ${listed.digest}`);
      }
      await this.#store(request, fill.growing.part, sha256, reservation);
      fill.growing.part.release();
      this.#results.inc({ result: 'stored' });
    } catch (error) {
      this.#ended(asWaystationError(error), request, part, reservation, begun);
      throw error;
    }
  }

  /** Books what became of a fill that stored nothing. */
  #ended(
    failure: WaystationError,
    request: FillRequest,
    part: Part | null,
    reservation: Reservation | null,
    begun: PromiseWithResolvers<Fill | null>,
  ): void {
    if (part === null) begun.resolve(null);
    if (failure.source === 'disk' && reservation !== null) this.#space.failed(failure);
    const left = part instanceof FilePart ? part.written : 0;
    // What is left of the part takes room until it is gone on with or removed.
    reservation?.commit(left);
    part?.release();
    if (failure.code === 'cancelled') this.#results.inc({ result: 'abandoned' });
    else if (failure.source !== 'disk')
      this.#results.inc({ result: failure.code === 'upstream_lied' ? 'lied' : left > 0 ? 'cut' : 'refused' });
    this.#log.info(
      { digest: request.listed.digest, code: failure.code, reason: failure.message, bytes: left },
      'a fill ended without storing',
    );
  }

  async #reserve(path: string, listed: Listed, small: boolean): Promise<Reservation | null> {
    const left = small ? 0 : await this.#left(path);
    if (left > listed.size) await this.#disk.unlink(path).catch(() => {});
    this.#space.adjust(-left);
    const reservation = await this.#space.reserve(listed.size);
    if (reservation === null) this.#space.adjust(left);
    return reservation;
  }

  /** Bytes that an earlier fill of this file left. */
  async #left(path: string): Promise<number> {
    return (await this.#disk.size(path).catch(() => null)) ?? 0;
  }

  async #store(request: FillRequest, part: Part, sha256: Listed['digest'], reservation: Reservation): Promise<void> {
    const path = this.#layout.part(request.scope, request.listed);
    if (part instanceof FilePart) await part.sync();
    else if (part instanceof MemoryPart) {
      const file = await FilePart.open(this.#disk, path, 0, () => {});
      try {
        void file.append(part.bytes());
        await file.flush();
        await file.sync();
      } finally {
        file.release();
      }
    }
    await this.#blobs.commit(path, request.scope, request.listed, sha256, reservation);
  }

  #considerAbandoning(fill: Fill, entry: InFlight): void {
    const idle = (): boolean => fill.growing.followers === 0 && entry.wanted === 0 && !fill.growing.verified;
    const worthwhile = (): boolean => fill.listed.size <= keptSize || fill.progress >= fill.listed.size * keptShare;
    if (!idle() || worthwhile()) return;
    void this.#clock.sleep(abandonAfter).then(() => {
      if (idle() && !worthwhile()) fill.cancel(new WaystationError('cancelled', 'nobody waits for it any more'));
    });
  }

  #counting(loader: Loader): Loader {
    return {
      open: (offset, signal) => loader.open(offset, signal),
      lied: (transfer) => {
        this.#lies.inc({});
        this.#log.warn({ source: transfer.source }, 'an upstream sent bytes that are not what metadata lists');
        loader.lied(transfer);
      },
    };
  }
}

function keyOf(request: FillRequest): string {
  return `${request.scope}/${request.listed.digest}.${request.listed.size}`;
}
