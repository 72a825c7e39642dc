import type { ByteSource } from '../../base/body.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Growing } from './growing.ts';
import type { Part } from './part.ts';
import type { Sent } from './sent.ts';

/** What goes on with a client when the disk fails under a fill: its own transfer, which must repeat what was sent. */
export type Continue = (sent: Sent) => ByteSource;

/** One client's view of a growing file: reads at its own pace, never ahead of what is released. */
export class Follower implements ByteSource {
  readonly #growing: Growing;
  readonly #start: number;
  readonly #continue: Continue;
  /** The part that the bytes sent so far came from. */
  #part: Part;
  /** Up to where bytes were given out. */
  #end: number;
  #instead: ByteSource | null = null;
  #released = false;

  constructor(growing: Growing, start: number, continueWith: Continue) {
    this.#growing = growing;
    this.#start = start;
    this.#end = start;
    this.#continue = continueWith;
    this.#part = growing.part;
    this.#part.retain();
    growing.follow();
  }

  get size(): number | null {
    return this.#growing.size;
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    const growing = this.#growing;
    for (;;) {
      if (this.#instead !== null) return this.#instead.read(buffer, position, length);
      if (growing.part !== this.#part) {
        await this.#changePart();
        continue;
      }
      const available = growing.released - position;
      if (available > 0) {
        const count = await this.#read(buffer, position, Math.min(length, available));
        if (count === null) continue;
        this.#end = Math.max(this.#end, position + count);
        return count;
      }
      if (growing.verified) return 0;
      if (growing.failure !== null) this.#fail(growing.failure);
      else await growing.change();
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#part.release();
    this.#instead?.release();
    this.#growing.unfollow();
  }

  /** @returns null when the disk does not give it: another transfer goes on instead. */
  async #read(buffer: Buffer, position: number, length: number): Promise<number | null> {
    try {
      return await this.#part.read(buffer, position, length);
    } catch (error) {
      this.#fail(asWaystationError(error));
      return null;
    }
  }

  #fail(failure: Error): void {
    if (!(failure instanceof WaystationError) || failure.source !== 'disk') throw failure;
    this.#instead = this.#continue({ part: this.#part, start: this.#start, end: this.#end });
  }

  /** The file began again: this client goes on only if the new bytes equal all that it was sent. */
  async #changePart(): Promise<void> {
    const growing = this.#growing;
    const next = growing.part;
    next.retain();
    let taken = false;
    try {
      while (next === growing.part && next.written < this.#end && growing.failure === null) await growing.change();
      // Begun again once more while this one waited: it is the newest part that counts.
      if (next !== growing.part) return;
      if (next.written < this.#end) return this.#fail(growing.failure ?? differs());
      taken = await equalParts(this.#part, next, this.#start, this.#end);
      if (!taken) return await this.#differsFrom(next);
    } finally {
      if (!taken) next.release();
    }
    this.#part.release();
    this.#part = next;
  }

  /** Of two that differ, while neither is proven, either may be wrong. Returns when there is another to compare with. */
  async #differsFrom(next: Part): Promise<void> {
    const growing = this.#growing;
    while (next === growing.part && !growing.verified && growing.failure === null) await growing.change();
    if (next !== growing.part) return;
    if (growing.verified) throw differs();
    this.#fail(growing.failure ?? differs());
  }
}

function differs(): WaystationError {
  return new WaystationError(
    'upstream_lied',
    'an upstream sent wrong bytes; what was sent of them cannot be continued',
  );
}

/** Whether two parts hold the same bytes from `start` to `end` (exclusive). */
async function equalParts(one: Part, other: Part, start: number, end: number): Promise<boolean> {
  const left = Buffer.allocUnsafe(65_536);
  const right = Buffer.allocUnsafe(65_536);
  for (let position = start; position < end;) {
    const length = Math.min(65_536, end - position);
    const count = await readFully(one, left, position, length);
    if (count !== length || (await readFully(other, right, position, length)) !== length) return false;
    if (left.compare(right, 0, length, 0, length) !== 0) return false;
    position += length;
  }
  return true;
}

async function readFully(part: Part, buffer: Buffer, position: number, length: number): Promise<number> {
  let done = 0;
  while (done < length) {
    const count = await part.read(buffer.subarray(done), position + done, length - done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
