import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { CacheState } from '../../base/status.ts';
import type { Disk } from '../../disk/disk.ts';
import { CountedReservation, SpaceCounts } from './reservation.ts';
import type { Reservation } from './reservation.ts';

export interface SpaceLimits {
  /** Most bytes that blobs and parts may take, given the file system's size. */
  readonly max: (total: number) => number;
  /** Bytes of the file system that stay free, given its size. */
  readonly keepFree: (total: number) => number;
}

/** Gives room before bytes are written. */
export interface Reserving {
  /**
   * @param present bytes of the file that are on disk already and counted as used: the reservation takes them over.
   * @returns null when the bytes may not be stored now: serve without storing.
   */
  reserve(bytes: number, present?: number): Reservation | null | Promise<Reservation | null>;
}

/** How old a statfs may be; between two, own reservations are counted. */
const statfsAge = 1_000;
/** Files that the file system must be able to take before one is begun: its name, its part, the documents of a flip. */
const fewestFiles = 64;
/** Bytes that may be stored before what is there has been counted: within the overshoot that is allowed at all. */
const harmless = 48 * 1024 * 1024;
/** After a failed write the disk is tried again this much later. */
const retryAfter = 5_000;

/**
 * The disk budget. It refuses, so that a full or sick disk means serving without storing (never an error for a client);
 * every refusal and every recovery is visible as the state.
 */
export class Space implements Reserving {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #limits: SpaceLimits;
  readonly #clock: Clock;
  readonly #counts = new SpaceCounts();
  readonly #more = (bytes: number): boolean => this.#take(bytes, 0);
  #free = 0;
  #total = 0;
  #freeFiles = Infinity;
  #counting: boolean;
  readonly #whenCounted = Promise.withResolvers<void>();
  #measured = -Infinity;
  #measuring: Promise<void> | null = null;
  #sick: { state: CacheState; reason: string; until: number } | null = null;
  #refused = -Infinity;
  /** Which limit the last refusal was for. */
  #limit = '';

  /** @param counting there may be more than is known yet, until `counted` is called. */
  constructor(options: { disk: Disk; root: string; limits: SpaceLimits; clock: Clock; counting?: boolean }) {
    this.#counting = options.counting ?? false;
    if (!this.#counting) this.#whenCounted.resolve();
    this.#disk = options.disk;
    this.#root = options.root;
    this.#limits = options.limits;
    this.#clock = options.clock;
  }

  get max(): number {
    return this.#limits.max(this.#total);
  }

  /** Bytes of the file system that stay free. */
  get keepFree(): number {
    return this.#limits.keepFree(this.#total);
  }

  /** Bytes of blobs and parts. */
  get used(): number {
    return this.#counts.used;
  }

  /** What an earlier run left is counted by now: until then, all that the disk holds is taken to be ours. */
  counted(): void {
    this.#counting = false;
    this.#whenCounted.resolve();
  }

  /** Resolves when `counted` was called. */
  get whenCounted(): Promise<void> {
    return this.#whenCounted.promise;
  }

  /** Bytes promised to transfers under way. */
  get reserved(): number {
    return this.#counts.reserved;
  }

  get free(): number {
    return this.#free;
  }

  get state(): CacheState {
    if (this.#sick !== null) return this.#sick.state;
    return this.#clock.monotonic() - this.#refused < 60_000 ? 'full' : 'ok';
  }

  /** Bytes that are on disk without a reservation of this process: found at start, or gone by other hands. */
  adjust(bytes: number): void {
    this.#counts.used += bytes;
  }

  /** Bytes of a file that was just removed here. */
  freed(bytes: number): void {
    this.#counts.used -= bytes;
    // Until the next statfs says so.
    this.#counts.unseen -= bytes;
  }

  /** A write failed, and none has succeeded since. */
  get sick(): boolean {
    return this.#sick !== null;
  }

  /** A write was refused for want of room, whatever statfs says, and none has succeeded since. */
  get refusedByDisk(): boolean {
    return this.#sick?.state === 'full';
  }

  /** Why the state is not `ok`: the call that failed, or the limit that is reached; null: it is. */
  get reason(): string | null {
    if (this.#sick !== null) return this.#sick.reason;
    return this.state === 'full' ? this.#limit : null;
  }

  /** Whether the disk takes writes, as far as is known. */
  get writable(): boolean {
    return this.#sick === null || this.#clock.monotonic() >= this.#sick.until;
  }

  /** Whether the file system was ever measured: before that nobody knows what is too much. */
  get known(): boolean {
    return this.#total > 0;
  }

  /** Bytes that would have to go before so many more could be stored; 0 or less: none. */
  shortage(bytes: number): number {
    const max = this.#limits.max(this.#total);
    const overMax = Math.max(
      this.#counts.used + this.#counts.reserved + bytes - max,
      // Not counted yet: what the disk holds may all be ours, and little more can do no harm.
      this.#counting
        ? Math.min(
            this.#total - this.#free + this.#counts.reserved + bytes - max,
            this.#counts.fresh + bytes - harmless,
          )
        : 0,
    );
    const free = this.#free - this.#counts.unwritten - this.#counts.unseen;
    return Math.max(overMax, this.#limits.keepFree(this.#total) + bytes - free);
  }

  /** Files that would have to go before the file system takes as many as are kept free. */
  get fileShortage(): number {
    return Math.max(0, fewestFiles - this.#freeFiles);
  }

  get #isOld(): boolean {
    return this.#clock.monotonic() - this.#measured >= statfsAge;
  }

  /** Measures the file system if the last figure is old. */
  async measure(): Promise<void> {
    if (!this.#isOld) return;
    this.#measuring ??= this.#statfs().finally(() => {
      this.#measuring = null;
    });
    await this.#measuring;
  }

  /** Of the room that there is; nothing is removed. */
  reserve(bytes: number, present = 0): Reservation | null | Promise<Reservation | null> {
    if (this.#isOld) return this.measure().then(() => this.#reserved(bytes, present));
    return this.#reserved(bytes, present);
  }

  #reserved(bytes: number, present: number): Reservation | null {
    if (!this.#take(bytes, present)) return null;
    this.#counts.used -= present;
    return new CountedReservation(this.#counts, this.#more, bytes, present);
  }

  /** A write failed: the state says so, and nothing is stored for a while. */
  failed(error: unknown): void {
    const code = error instanceof WaystationError ? error.code : 'disk_failing';
    const state: CacheState = code === 'disk_full' ? 'full' : code === 'disk_read_only' ? 'read-only' : 'failing';
    const reason = error instanceof Error ? error.message : String(error);
    this.#sick = { state, reason, until: this.#clock.monotonic() + retryAfter };
    this.#measured = -Infinity;
  }

  /** A write reached the disk: whatever was wrong is over. */
  healed(): void {
    this.#sick = null;
  }

  async #statfs(): Promise<void> {
    const shown = this.#counts.unseen;
    try {
      const { free, total, freeFiles } = await this.#disk.space(this.#root);
      this.#free = free;
      this.#total = total;
      this.#freeFiles = freeFiles;
      this.#counts.unseen -= shown;
      this.#measured = this.#clock.monotonic();
    } catch (error) {
      this.failed(error);
    }
  }

  #limitReached(bytes: number): string {
    if (this.fileShortage > 0) return 'the file system can hardly take more files (inodes)';
    if (this.#counting) return 'what an earlier run left is still being counted';
    return this.#counts.used + this.#counts.reserved + bytes > this.max
      ? 'cache.max leaves no room for a file that was to be stored'
      : 'cache.keepFree leaves no room for a file that was to be stored: the file system is nearly full';
  }

  #take(bytes: number, present: number): boolean {
    if (!this.writable) return false;
    if (this.shortage(bytes - present) > 0 || this.fileShortage > 0) {
      this.#refused = this.#clock.monotonic();
      this.#limit = this.#limitReached(bytes - present);
      return false;
    }
    this.#refused = -Infinity;
    this.#counts.reserved += bytes;
    this.#counts.fresh += bytes - present;
    this.#counts.unwritten += bytes - present;
    return true;
  }
}
