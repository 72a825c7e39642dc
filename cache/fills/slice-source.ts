import type { ByteSource } from '../../base/body.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Loader, Slice, Transfer } from '../../base/transfer.ts';
import { ByteQueue } from './byte-queue.ts';

export interface SliceSourceOptions {
  readonly slice: Slice;
  readonly loader: Loader;
  /** The upstream is not needed any more. Called once. */
  readonly onTransferred: () => void;
  /** The client needs it no longer. Called once. */
  readonly onRelease: () => void;
}

/**
 * One client's slice of a listed file, straight from upstream: unproven, so never with the end of the file, and kept
 * nowhere. Read once, in order. A cut is gone on from where it was; when the loader is at its end, so is the client.
 */
export class SliceSource implements ByteSource {
  readonly size: number;
  readonly #options: SliceSourceOptions;
  readonly #queue = new ByteQueue();
  readonly #abort = new AbortController();
  #reached: number;
  #position: number;

  constructor(options: SliceSourceOptions) {
    this.#options = options;
    const { start, total } = options.slice;
    this.size = total;
    this.#reached = start;
    this.#position = start;
    void this.#run();
  }

  /** Resolves when the first byte can be read. @throws WaystationError when there will be none. */
  ready(): Promise<void> {
    return this.#queue.ready();
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    if (position !== this.#position) throw new WaystationError('internal', 'a slice is read in order');
    const count = await this.#queue.take(buffer, length);
    this.#position += count;
    return count;
  }

  release(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new WaystationError('cancelled', 'the client left'));
    this.#queue.close();
    this.#options.onRelease();
  }

  async #run(): Promise<void> {
    const { slice, loader, onTransferred } = this.#options;
    try {
      while (this.#reached < slice.end) await this.#take(await loader.open(this.#reached, this.#abort.signal));
      this.#queue.complete();
    } catch (error) {
      this.#queue.fail(asWaystationError(error));
    } finally {
      onTransferred();
    }
  }

  /** Takes what one transfer gives; returns when another has to go on from there. */
  async #take(transfer: Transfer): Promise<void> {
    const { slice, loader } = this.#options;
    if (transfer.offset !== this.#reached || transfer.total !== slice.total) {
      transfer.cancel();
      return loader.lied(transfer);
    }
    try {
      await transfer.consume((chunk) => {
        if (this.#reached === slice.end) throw new TooMuch();
        const wanted = chunk.subarray(0, slice.end - this.#reached);
        this.#reached += wanted.length;
        return this.#queue.put(wanted);
      });
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      if (error instanceof TooMuch) return loader.lied(transfer);
      const failure = asWaystationError(error);
      if (failure.source !== 'origin') throw failure;
      return;
    }
    // A body that ended as its framing promised, but too early.
    if (this.#reached < slice.end) loader.lied(transfer);
  }
}

/** More bytes than were asked for. */
class TooMuch extends Error {}
