import type { Clock } from '../../base/clock.ts';
import { algorithmOf, digestOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import type { Followable } from './followable.ts';
import { Givers } from './givers.ts';
import { Growing, tailOf } from './growing.ts';
import { Pace } from './pace.ts';
import type { Part } from './part.ts';
import { proofOf } from './proof.ts';
import type { Proof } from './proof.ts';

/** Files up to this size are verified whole before their first byte leaves … */
export const verifyFirstLimit = 1024 * 1024;
/** … if that takes no longer than this: librepo gives up below 1000 B/s over 30 s. */
const verifyFirstTime = 8_000;

/** What a verified file is: its growing view, and its name by sha256. */
export interface Verified {
  readonly sha256: Digest;
}

/** Where a fill's bytes go. */
export interface PartMaker {
  /** Makes the part, at first and after a lie; `written` bytes of it are there already. @throws WaystationError the disk's. */
  part(attempt: number, onWritten: () => void): Part | Promise<Part>;
}

export interface FillOptions {
  readonly listed: Listed;
  readonly loader: Loader;
  readonly parts: PartMaker;
  readonly clock: Clock;
  /** Gives nothing out before the whole is proven, however long that takes: the bytes are there, and may be torn. */
  readonly wholeFirst: boolean;
  /** Called when the last follower left. */
  readonly onIdle: () => void;
}

/**
 * One transfer of one listed file: source after source, cut after cut, until the bytes are proven or nobody can give
 * them. Owned by no client. It does not know where its bytes are kept, nor what a network is.
 */
export class Fill implements Followable {
  readonly listed: Listed;
  readonly growing: Growing;
  readonly #loader: Loader;
  readonly #parts: PartMaker;
  readonly #clock: Clock;
  readonly #wholeFirst: boolean;
  readonly #abort = new AbortController();
  #proof: Proof;
  /** Bytes taken and hashed: ahead of the part by what waits for the disk. */
  #accepted = 0;
  readonly #pace: Pace;
  readonly #began: number;
  #relaxed = false;
  /** Ends the wait before it is relaxed; null: nobody follows who would be waiting for that. */
  #relaxing: AbortController | null = null;
  /** A source has answered: until then bytes of an earlier try are no promise that the rest can be had. */
  #answered = false;
  /** Where bytes of an earlier process end: if the whole is wrong, these may be why. */
  #resumed: number;
  readonly #givers = new Givers();
  #restarts = 0;

  private constructor(options: FillOptions & { part: Part }) {
    this.listed = options.listed;
    this.#loader = options.loader;
    this.#parts = options.parts;
    this.#clock = options.clock;
    this.#wholeFirst = options.wholeFirst;
    this.#proof = proofOf(options.listed, options.part);
    this.#resumed = options.part.written;
    this.#began = options.clock.monotonic();
    this.#pace = new Pace(this.#began);
    const { part, onIdle } = options;
    const onFollowed = (): void => void this.#relaxLater();
    this.growing = new Growing({ size: options.listed.size, part, onIdle, onFollowed });
  }

  /** @throws WaystationError when the part cannot be made: nothing was asked of an origin yet. */
  static begin(options: FillOptions): Fill | Promise<Fill> {
    // Set just below: no part tells of progress before it was given bytes.
    let fill: Fill | null = null;
    const begun = (part: Part): Fill => (fill = new Fill({ ...options, part }));
    const part = options.parts.part(0, () => fill?.progressed());
    return part instanceof Promise ? part.then(begun) : begun(part);
  }

  get progress(): number {
    return this.#accepted;
  }

  get reached(): number {
    return Math.max(this.#accepted, this.growing.part.written);
  }

  rate(now: number): number {
    return this.#pace.rate(now);
  }

  get over(): boolean {
    return !this.growing.verified && (this.#abort.signal.aborted || this.growing.failure !== null);
  }

  /** Gives up: followers see `reason`; the part stays for a later try. */
  cancel(reason: WaystationError): void {
    this.#abort.abort(reason);
  }

  /**
   * Runs to the end. Resolves when the bytes are right and followers may have them all; what is stored comes after.
   * @throws WaystationError after followers were told.
   */
  async run(): Promise<Verified> {
    try {
      if (this.growing.part.written > 0) await this.#rehash();
      for (;;) {
        const transfer = this.#lacks ? await this.#open() : null;
        if (transfer !== null && !(await this.#take(transfer))) continue;
        const flushing = this.growing.part.flush();
        if (flushing !== undefined) await flushing;
        const proven = this.#proven(transfer);
        if (proven !== null) return proven;
        await this.#restart();
      }
    } catch (error) {
      const failure = asWaystationError(error);
      // What waits for the disk still lands in the part: the next fill of this file must not meet it.
      await this.#flush().catch(() => {});
      this.growing.fail(failure);
      throw failure;
    } finally {
      this.#relaxing?.abort(over);
    }
  }

  /** A client that saw nothing for so long is given what there is, but for the tail. */
  async #relaxLater(): Promise<void> {
    const ended = this.growing.verified || this.growing.failure !== null;
    if (ended || this.#relaxing !== null || this.#relaxed || this.listed.size > verifyFirstLimit) return;
    this.#relaxing = new AbortController();
    try {
      const left = this.#began + verifyFirstTime - this.#clock.monotonic();
      await this.#clock.sleep(Math.max(0, left), this.#relaxing.signal);
    } catch {
      return;
    }
    this.#relaxed = true;
    this.progressed();
  }

  /** Whether bytes have still to come; an empty file is asked for only when its digest is not that of no bytes. */
  get #lacks(): boolean {
    const { size, digest } = this.listed;
    return this.#accepted < size || (size === 0 && digestOf('', algorithmOf(digest)) !== digest);
  }

  #open(): Promise<Transfer> {
    this.#abort.signal.throwIfAborted();
    return this.#loader.open(this.#accepted, this.#abort.signal);
  }

  /** @returns null when the bytes are not right: the source has been told of. */
  #proven(transfer: Transfer | null): Verified | null {
    const digests = this.#proof.end();
    if (digests.listed !== this.listed.digest) {
      if (transfer !== null) this.#givers.gave(transfer);
      // Bytes that an earlier process left may be torn by a power cut: that is no source's lie.
      if (this.#resumed === 0) this.#givers.blame(this.#loader, true);
      return null;
    }
    // It is kept until the file is stored, and who gave the bytes is not asked for any more.
    this.#givers.forget();
    this.growing.verify(this.listed.size);
    return { sha256: digests.sha256 };
  }

  /** @returns false when the transfer ended without the whole file, having been dealt with. */
  #take(transfer: Transfer): boolean | Promise<boolean> {
    this.#answered = true;
    this.progressed();
    const { size } = this.listed;
    const elsewhere = transfer.offset !== this.#accepted;
    if (elsewhere || (transfer.total !== null && transfer.total !== size)) {
      transfer.cancel();
      this.#loader.lied(transfer);
      return false;
    }
    return transfer
      .consume((chunk) => {
        if (this.#accepted + chunk.length > size) throw new TooLong();
        this.#givers.gave(transfer);
        this.#proof.update(chunk);
        this.#accepted += chunk.length;
        this.#pace.took(chunk.length, this.#clock.monotonic());
        return this.growing.part.append(chunk);
      })
      .then(
        // A body that ended as its framing promised, but too early: no cut, a lie.
        () => this.#accepted === size || this.#begunAgain(transfer),
        (thrown: unknown) => this.#broken(transfer, thrown),
      );
  }

  async #broken(transfer: Transfer, thrown: unknown): Promise<false> {
    this.#abort.signal.throwIfAborted();
    if (thrown instanceof TooLong) return this.#begunAgain(transfer);
    const failure = asWaystationError(thrown);
    if (failure.source !== 'origin') throw failure;
    await this.#flush();
    return false;
  }

  async #begunAgain(transfer: Transfer): Promise<false> {
    this.#loader.lied(transfer);
    await this.#restart();
    return false;
  }

  async #restart(): Promise<void> {
    const wrong = this.growing.part;
    await wrong.flush();
    this.#restarts += 1;
    const part = await this.#parts.part(this.#restarts, () => this.progressed());
    this.#proof = proofOf(this.listed, part);
    this.#accepted = 0;
    this.#resumed = 0;
    this.#givers.forget();
    this.growing.restart(part);
    wrong.release();
  }

  /** Takes over the bytes that an earlier try left: read once, for the digest's state. */
  async #rehash(): Promise<void> {
    const { part } = this.growing;
    const buffer = Buffer.allocUnsafe(512 * 1024);
    while (this.#accepted < part.written) {
      this.#abort.signal.throwIfAborted();
      const count = await part.read(buffer, this.#accepted, buffer.length);
      if (count === 0) break;
      this.#proof.update(buffer.subarray(0, count));
      this.#accepted += count;
    }
    this.progressed();
  }

  async #flush(): Promise<void> {
    await this.growing.part.flush();
  }

  /** More of it can be read, or given out. */
  progressed(): void {
    const { size } = this.listed;
    const { part } = this.growing;
    const held = !this.#answered || this.#wholeFirst || (size <= verifyFirstLimit && !this.#relaxed);
    if (!this.growing.verified)
      this.growing.release(held ? 0 : Math.max(0, Math.min(part.written, size - tailOf(size))));
  }
}

/** Said to what waits for a fill that has ended: made once, for an error of its own is dear. */
const over = new Error('the fill has ended');

/** More bytes than listed: seen inside the sink, so that the rest is not even read. */
class TooLong extends Error {}
