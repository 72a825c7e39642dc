import type { ByteSource } from '../../base/body.ts';
import type { Digest } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Transfer } from '../../base/transfer.ts';
import { ByteQueue } from './byte-queue.ts';
import { Comparison, unproven } from '../unlisted/expectation.ts';
import { requireRepeated } from './sent.ts';
import type { Sent } from './sent.ts';

/**
 * One client's own transfer of an unlisted file that cannot be stored: as it comes, paced by that client. Read in order.
 * When it goes on for a fetch that the disk gave up, it begins again, and must repeat what that client was sent.
 */
export class Passthrough implements ByteSource {
  readonly size: number | null;
  readonly #queue = new ByteQueue();
  readonly #sent: Sent | null;
  readonly #comparison: Comparison | null;
  #accepted = 0;
  #released = false;

  /**
   * @param options `size`: what the client was told; a transfer that says otherwise is refused. `expected`: what the
   * bytes are compared with; the last of them wait for that.
   */
  constructor(
    transfer: Transfer | Promise<Transfer>,
    options: { size: number | null; sent?: Sent; expected?: Digest | null },
  ) {
    this.size = options.size;
    this.#sent = options.sent ?? null;
    this.#comparison = options.expected ? new Comparison(options.expected) : null;
    this.#sent?.part.retain();
    void this.#run(transfer);
  }

  read(buffer: Buffer, _position: number, length: number): Promise<number> {
    return this.#queue.take(buffer, length);
  }

  release(): void {
    this.#released = true;
    this.#queue.close();
  }

  async #run(coming: Transfer | Promise<Transfer>): Promise<void> {
    try {
      const transfer = await coming;
      if (this.#released || (this.size !== null && transfer.total !== null && transfer.total !== this.size)) {
        transfer.cancel();
        throw new WaystationError('upstream_lied', `${transfer.source} sends another file than before`);
      }
      await transfer.consume((chunk) => this.#give(chunk));
      if (this.#accepted < (this.#sent?.end ?? 0)) {
        throw new WaystationError('upstream_cut', `${transfer.source} sent less than before`);
      }
      this.#comparison?.require(transfer.source);
      this.#queue.complete();
    } catch (error) {
      this.#queue.fail(asWaystationError(error));
    } finally {
      this.#sent?.part.release();
    }
  }

  async #give(chunk: Buffer): Promise<void> {
    if (this.#released) throw new WaystationError('cancelled', 'the client left');
    const position = this.#accepted;
    this.#accepted += chunk.length;
    if (this.#comparison !== null) {
      this.#comparison.update(chunk);
      this.#queue.held = this.#accepted - unproven(this.#accepted, this.size);
    }
    if (this.#sent !== null) await requireRepeated(this.#sent, chunk, position);
    const skipped = Math.max(0, (this.#sent?.end ?? 0) - position);
    if (skipped < chunk.length) await this.#queue.put(chunk.subarray(skipped));
  }
}
