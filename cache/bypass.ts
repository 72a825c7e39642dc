import type { ByteSource } from '../base/body.ts';
import { algorithmOf, hasher } from '../base/digest.ts';
import type { Hasher, Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Loader, Transfer } from '../base/transfer.ts';
import { ByteQueue } from './byte-queue.ts';
import { tailOf } from './growing.ts';
import type { Part } from './part.ts';

/** What the client was sent already from a part that can go no further: the new bytes must repeat it. */
export interface Sent {
  readonly part: Part;
  readonly start: number;
  readonly end: number;
}

/**
 * One client's own transfer of a file that cannot be stored: paced by that client, tail held back until the digest is
 * right, nothing kept. Read in order, from `start` on.
 */
export class Bypass implements ByteSource {
  readonly size: number;
  readonly #listed: Listed;
  readonly #loader: Loader;
  readonly #sent: Sent | null;
  readonly #start: number;
  readonly #abort = new AbortController();
  readonly #queue = new ByteQueue();
  #accepted = 0;

  constructor(options: { listed: Listed; loader: Loader; start: number; sent?: Sent }) {
    this.#listed = options.listed;
    this.size = options.listed.size;
    this.#loader = options.loader;
    this.#sent = options.sent ?? null;
    this.#start = options.start;
    this.#sent?.part.retain();
    void this.#run();
  }

  /** Resolves when the first byte can be read. @throws WaystationError when there will be none. */
  ready(): Promise<void> {
    return this.#queue.ready();
  }

  read(buffer: Buffer, _position: number, length: number): Promise<number> {
    return this.#queue.take(buffer, length);
  }

  release(): void {
    this.#abort.abort(new WaystationError('cancelled', 'the client left'));
    this.#queue.close();
  }

  async #run(): Promise<void> {
    const digest = hasher(algorithmOf(this.#listed.digest));
    try {
      while (this.#accepted < this.size) {
        await this.#take(await this.#loader.open(this.#accepted, this.#abort.signal), digest);
      }
      if (digest.digest() !== this.#listed.digest)
        throw new WaystationError('upstream_lied', 'the upstream sent wrong bytes');
      this.#queue.complete();
    } catch (error) {
      this.#queue.fail(asWaystationError(error));
    } finally {
      this.#sent?.part.release();
    }
  }

  /** Takes what one transfer gives; returns after a cut, so that the next goes on from there. */
  async #take(transfer: Transfer, digest: Hasher): Promise<void> {
    if (transfer.total !== null && transfer.total !== this.size) {
      transfer.cancel();
      return this.#loader.lied(transfer);
    }
    try {
      await transfer.consume((chunk) => {
        if (this.#accepted + chunk.length > this.size) throw this.#lie(transfer, 'more bytes than listed');
        digest.update(chunk);
        return this.#give(chunk);
      });
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      const failure = asWaystationError(error);
      if (failure.code !== 'upstream_cut' && failure.code !== 'upstream_timeout') throw failure;
      return;
    }
    if (this.#accepted < this.size) throw this.#lie(transfer, 'fewer bytes than listed');
  }

  #lie(transfer: Transfer, what: string): WaystationError {
    this.#loader.lied(transfer);
    return new WaystationError('upstream_lied', `${transfer.source} sent ${what}`);
  }

  async #give(chunk: Buffer): Promise<void> {
    const position = this.#accepted;
    this.#accepted += chunk.length;
    if (this.#sent !== null) await this.#compare(this.#sent, chunk, position);
    const skipped = Math.max(0, this.#start - position);
    // How much of what the queue will hold lies in the tail of the file.
    this.#queue.held = Math.max(
      0,
      Math.min(this.#accepted - this.#start, this.#accepted - (this.size - tailOf(this.size))),
    );
    if (skipped < chunk.length) await this.#queue.put(chunk.subarray(skipped));
  }

  async #compare(sent: Sent, chunk: Buffer, position: number): Promise<void> {
    const from = Math.max(position, sent.start);
    const to = Math.min(position + chunk.length, sent.end);
    if (from >= to) return;
    const buffer = Buffer.allocUnsafe(to - from);
    for (let done = 0; done < buffer.length;) {
      const count = await sent.part.read(buffer.subarray(done), from + done, buffer.length - done);
      if (count === 0) break;
      done += count;
    }
    if (!buffer.equals(chunk.subarray(from - position, to - position))) {
      throw new WaystationError('upstream_lied', 'the upstream sent other bytes than before');
    }
  }
}

/** One client's own transfer of an unlisted file that cannot be stored: as it comes, paced by that client. */
export class Passthrough implements ByteSource {
  readonly size: number | null;
  readonly #queue = new ByteQueue();

  constructor(transfer: Transfer) {
    this.size = transfer.total;
    void transfer
      .consume((chunk) => {
        if (this.#released) throw new WaystationError('cancelled', 'the client left');
        return this.#queue.put(chunk);
      })
      .then(
        () => this.#queue.complete(),
        (error: unknown) => this.#queue.fail(asWaystationError(error)),
      );
  }

  #released = false;

  read(buffer: Buffer, _position: number, length: number): Promise<number> {
    return this.#queue.take(buffer, length);
  }

  release(): void {
    this.#released = true;
    this.#queue.close();
  }
}
