import type { ByteSource } from '../../base/body.ts';
import { algorithmOf, hasher } from '../../base/digest.ts';
import type { Hasher, Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import { ByteQueue } from './byte-queue.ts';
import { Givers } from './givers.ts';
import { tailOf } from './growing.ts';
import { requireRepeated } from './sent.ts';
import type { Sent } from './sent.ts';

export interface BypassOptions {
  readonly listed: Listed;
  /** Called for each pass over the file. */
  readonly loader: () => Loader;
  /** Position of the first byte that will be read. */
  readonly start: number;
  readonly sent?: Sent;
}

/**
 * One client's own transfer of a file that cannot be stored: paced by that client, tail held back until the digest is
 * right, nothing kept. Read in order it is one pass over the file; going back costs another.
 */
export class Bypass implements ByteSource {
  readonly size: number;
  readonly #options: BypassOptions;
  #pass: Pass;
  #position: number;

  constructor(options: BypassOptions) {
    this.size = options.listed.size;
    this.#options = options;
    this.#position = options.start;
    this.#pass = new Pass(options);
  }

  /** Resolves when the first byte can be read. @throws WaystationError when there will be none. */
  ready(): Promise<void> {
    return this.#pass.queue.ready();
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    if (position < this.#position) {
      this.#pass.stop();
      this.#pass = new Pass({ listed: this.#options.listed, loader: this.#options.loader, start: position });
      this.#position = position;
    }
    const { queue } = this.#pass;
    while (this.#position < position) {
      const skipped = await queue.take(buffer, Math.min(length, position - this.#position));
      if (skipped === 0) return 0;
      this.#position += skipped;
    }
    const count = await queue.take(buffer, length);
    this.#position += count;
    return count;
  }

  release(): void {
    this.#pass.stop();
  }
}

/** One pass over the file, from its first byte, since only all of them have a digest. */
class Pass {
  readonly queue = new ByteQueue();
  readonly #listed: Listed;
  readonly #loader: Loader;
  readonly #sent: Sent | null;
  readonly #start: number;
  readonly #abort = new AbortController();
  #digest: Hasher;
  readonly #givers = new Givers();
  #accepted = 0;

  constructor({ listed, loader, start, sent }: BypassOptions) {
    this.#listed = listed;
    this.#loader = loader();
    this.#sent = sent ?? null;
    this.#start = start;
    this.#digest = hasher(algorithmOf(listed.digest));
    this.#sent?.part.retain();
    void this.#run();
  }

  stop(): void {
    this.#abort.abort(new WaystationError('cancelled', 'the client left'));
    this.queue.close();
  }

  async #run(): Promise<void> {
    try {
      while (!(await this.#whole()));
      this.queue.complete();
    } catch (error) {
      this.queue.fail(asWaystationError(error));
    } finally {
      this.#sent?.part.release();
    }
  }

  /**
   * @returns whether the file came as it is listed; if not, another source may have the right bytes.
   * @throws WaystationError when some of the wrong ones have left.
   */
  async #whole(): Promise<boolean> {
    while (this.#accepted < this.#listed.size) {
      await this.#take(await this.#loader.open(this.#accepted, this.#abort.signal));
    }
    if (this.#digest.digest() === this.#listed.digest) return true;
    const again = this.#givers.some && this.queue.restart();
    this.#givers.blame(this.#loader, again);
    if (!again) throw new WaystationError('upstream_lied', 'the upstream sent wrong bytes');
    this.#begin();
    return false;
  }

  /** Nothing of what came so far has left, nor will. */
  #begin(): void {
    this.#digest = hasher(algorithmOf(this.#listed.digest));
    this.#givers.forget();
    this.#accepted = 0;
  }

  /** Takes what one transfer gives; returns when another has to go on from there. */
  async #take(transfer: Transfer): Promise<void> {
    const { size } = this.#listed;
    if (transfer.offset !== this.#accepted || (transfer.total !== null && transfer.total !== size)) {
      transfer.cancel();
      return this.#loader.lied(transfer);
    }
    try {
      await transfer.consume((chunk) => {
        // More than is listed: the digest of the listed length decides about what was had.
        if (this.#accepted === size) throw new Enough();
        this.#givers.gave(transfer);
        return this.#give(chunk.subarray(0, size - this.#accepted));
      });
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      if (!(error instanceof Enough) && !cuts.includes(asWaystationError(error).code)) throw error;
      if (!(error instanceof Enough)) return;
      this.#loader.lied(transfer);
    }
    if (this.#accepted === size) return;
    // A body that ended as its framing promised, but too early. It is had anew, or, when some of it has left, another
    // source may know the rest.
    this.#loader.lied(transfer);
    if (this.queue.restart()) this.#begin();
  }

  async #give(chunk: Buffer): Promise<void> {
    const { size } = this.#listed;
    const position = this.#accepted;
    this.#digest.update(chunk);
    this.#accepted += chunk.length;
    if (this.#sent !== null) await requireRepeated(this.#sent, chunk, position);
    const skipped = Math.max(0, this.#start - position);
    // How much of what the queue will hold lies in the tail of the file.
    this.queue.held = Math.max(0, Math.min(this.#accepted - this.#start, this.#accepted - (size - tailOf(size))));
    if (skipped < chunk.length) await this.queue.put(chunk.subarray(skipped));
  }
}

const cuts: readonly string[] = ['upstream_cut', 'upstream_timeout'];

/** Ends a transfer that has more bytes than the file. */
class Enough extends Error {}
