import type { ByteSource } from '../../base/body.ts';
import type { Clock } from '../../base/clock.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Loader } from '../../base/transfer.ts';
import { verifyFirstLimit } from './fill.ts';
import type { Followable } from './followable.ts';
import { tailOf } from './growing.ts';
import { SliceSource } from './slice-source.ts';

/** A fill that is so near is waited for: bytes … */
const nearBytes = 8 * 1024 * 1024;
/** … or seconds, at the pace that it has now. */
const nearSeconds = 2;
/** Transfers of slices at a time: fewer than an origin gets connections, so that fills are never without one. */
const mostTransfers = 32;
/** Milliseconds until the first byte of a slice, the wait for its turn included; then the fill is waited for. */
const startBudget = 9_000;

/** A single range of a listed file that a client asks for. */
export interface SingleRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Gives just these bytes. */
  readonly loader: () => Loader;
}

/**
 * Whether a range may be passed through, and is worth it: it ends before the tail, which only the proven fill gives, and
 * begins far ahead of what the fill has.
 * @param fill null: there is none, and will be none.
 * @param now monotonic milliseconds.
 */
export function liesDeep({ size }: Listed, { start, end }: SingleRange, fill: Followable | null, now: number): boolean {
  if (size <= verifyFirstLimit || end > size - tailOf(size) || fill?.growing.verified === true) return false;
  return start > (fill?.reached ?? 0) + Math.max(nearBytes, nearSeconds * (fill?.rate(now) ?? 0));
}

/** Slices of cold files on their way from upstream to one client each. */
export class Slices {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #turns = new Set<() => void>();
  #free = mostTransfers;

  constructor(options: { clock: Clock; log: Logger }) {
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Passes a range through from upstream. Its client counts as one who follows the fill, so that the fill goes on.
   * Resolves when the first byte can be read.
   * @returns null when it cannot be had so: the fill will have to give it.
   */
  async open(listed: Listed, range: SingleRange, fill: Followable | null): Promise<ByteSource | null> {
    const over = new AbortController();
    const late = this.#clock.sleep(startBudget, over.signal).then(
      () => true,
      () => true,
    );
    fill?.growing.follow();
    let leave = (): void => fill?.growing.unfollow();
    try {
      if (!(await this.#turn(late))) throw new WaystationError('upstream_timeout', 'other ranges come first');
      const source = new SliceSource({
        slice: { start: range.start, end: range.end, total: listed.size },
        loader: range.loader(),
        onTransferred: () => this.#next(),
        onRelease: leave,
      });
      leave = () => source.release();
      const timeout = late.then(() => Promise.reject(new WaystationError('upstream_timeout', 'no byte came in time')));
      await Promise.race([source.ready(), timeout]);
      return source;
    } catch (error) {
      leave();
      const { code, message } = asWaystationError(error);
      this.#log.info({ digest: listed.digest, code, reason: message }, 'a range was not passed through');
      return null;
    } finally {
      over.abort();
    }
  }

  /** Waits for a turn. @returns false when it did not come before `late`. */
  async #turn(late: Promise<unknown>): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.add(resolve);
    await Promise.race([promise, late]);
    // Whoever is not in the line any more was given its turn.
    return !this.#turns.delete(resolve);
  }

  /** A transfer ended: its turn is the next one's. */
  #next(): void {
    const [next] = this.#turns;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#turns.delete(next);
    next();
  }
}
