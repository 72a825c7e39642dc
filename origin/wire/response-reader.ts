import { ChunkDecoder } from './chunk-decoder.ts';
import { HeadCollector } from './head-collector.ts';
import { parseHead } from './response-head.ts';
import type { ResponseHead } from './response-head.ts';
import { Slab } from './slab.ts';
import { DisconnectedError, NotHttpError } from './wire-errors.ts';

/** Who is told of a response, in order. It may stop the reader in each of these. */
export interface Receiver {
  head(head: ResponseHead): void;
  /** Bytes of the body, at least one; they are never written again. */
  chunk(chunk: Buffer): void;
  /** The body is whole. @param reusable whether another response may come behind it. */
  end(reusable: boolean): void;
}

/** Bytes. A body up to this length has a buffer of its own. */
export const ownBuffer = 1024 * 1024;
/** 100 and 103 may come before the response (RFC 9110 §15.2). */
const mostInterim = 16;

/**
 * One for all: what is read here is parsed, or copied, before anything else is read. So a small response comes by one
 * read, and connections that wait need no room.
 */
const sharedRoom = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Makes responses (RFC 9112) of bytes as they come, and says where they shall be read to. Strict: what could be read in
 * two ways is an error. What comes behind the end of a response is never looked at.
 */
export class ResponseReader {
  readonly #receiver: Receiver;
  readonly #heads = new HeadCollector();
  #phase: 'idle' | 'head' | 'body' | 'stopped' = 'idle';
  #interim = 0;
  #head: ResponseHead | null = null;
  /** Of a body whose length is known and small: one byte longer, so that a byte too many is seen. */
  #own: Buffer | null = null;
  #slab: Slab | null = null;
  #chunks: ChunkDecoder | null = null;
  /** Bytes of the body that came. */
  #filled = 0;
  /** Nothing of a response came since `begin`. */
  untouched = true;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** A request leaves: its response is what comes next. */
  begin(): void {
    this.#phase = 'head';
    this.untouched = true;
  }

  /** Nobody is told of anything any more. */
  stop(): void {
    this.#phase = 'stopped';
    this.#release();
  }

  /** Where the next bytes are to be read to. */
  room(): Buffer {
    if (this.#own !== null) return this.#own.subarray(this.#filled);
    return this.#slab?.room() ?? sharedRoom;
  }

  /** So many bytes were read to the beginning of the room. @throws NotHttpError */
  took(count: number): void {
    if (this.#own !== null) this.#growOwn(this.#own, count);
    else if (this.#slab !== null) this.#bodyBytes(this.#slab.took(count));
    else this.take(sharedRoom.subarray(0, count));
  }

  /** Bytes came in a buffer that was not asked for. @throws NotHttpError */
  take(bytes: Buffer): void {
    if (this.#phase === 'stopped') return;
    if (this.#phase === 'idle') throw new NotHttpError('bytes came that nobody asked for');
    this.untouched = false;
    if (this.#phase === 'body') this.#copied(bytes);
    else this.#heading(bytes);
  }

  /** No more will come. @throws DisconnectedError when something is lacking. */
  eof(): void {
    const head = this.#head;
    if (this.#phase === 'body' && head !== null && head.length === null && !head.chunked) return this.#finish(false);
    if (this.#phase !== 'stopped') throw new DisconnectedError('the other side closed the connection');
  }

  #heading(bytes: Buffer): void {
    let at = 0;
    let head: ResponseHead;
    do {
      at = this.#heads.find(bytes, at);
      if (at < 0) return;
      head = parseHead(this.#heads.text);
      // 101 answers a wish that nobody here has.
      if (head.status === 101 || (head.status < 200 && ++this.#interim > mostInterim))
        throw new NotHttpError(`${head.status} that was not asked for`);
    } while (head.status < 200);
    this.#head = head;
    this.#phase = 'body';
    const rest = bytes.length - at;
    const { length, chunked } = head;
    // The room is everybody's: what came with the head is copied before anybody is told.
    if (length === null || length > ownBuffer) {
      this.#slab = new Slab(length);
      if (chunked) this.#chunks = new ChunkDecoder();
      const body = Buffer.from(bytes.subarray(at));
      this.#receiver.head(head);
      this.#bodyBytes(body);
      return;
    }
    const whole = rest >= length;
    const own = Buffer.allocUnsafeSlow(whole ? length : length + 1);
    bytes.copy(own, 0, at);
    this.#receiver.head(head);
    if (this.#phase !== 'body') return;
    if (!whole) this.#own = own;
    if (whole && length === 0) this.#finish(rest === 0);
    else if (rest > 0) this.#growOwn(own, rest);
  }

  /** So many bytes of a body in its own buffer, or behind it, came. */
  #growOwn(own: Buffer, count: number): void {
    const from = this.#filled;
    const length = this.#head?.length ?? 0;
    const to = Math.min(length, from + count);
    this.#filled = to;
    if (to > from) this.#receiver.chunk(own.subarray(from, to));
    if (this.#phase === 'body' && to === length) this.#finish(from + count === length);
  }

  #copied(bytes: Buffer): void {
    if (this.#own === null) return this.#bodyBytes(bytes);
    const fits = bytes.copy(this.#own, this.#filled);
    this.#growOwn(this.#own, Math.max(fits, bytes.length));
  }

  /** @param bytes that may be given away. */
  #bodyBytes(bytes: Buffer): void {
    if (this.#chunks !== null) return this.#chunkBytes(this.#chunks, bytes);
    const length = this.#head?.length ?? Infinity;
    const count = Math.min(bytes.length, length - this.#filled);
    this.#filled += count;
    if (count > 0 && this.#phase === 'body')
      this.#receiver.chunk(count < bytes.length ? bytes.subarray(0, count) : bytes);
    if (this.#phase === 'body' && this.#filled === length) this.#finish(count === bytes.length);
  }

  #chunkBytes(chunks: ChunkDecoder, bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.#phase === 'body';) {
      at = chunks.skipFrame(bytes, at);
      if (chunks.over) return this.#finish(at === bytes.length);
      const end = Math.min(bytes.length, at + chunks.left);
      if (end === at) continue;
      chunks.left -= end - at;
      this.#receiver.chunk(bytes.subarray(at, end));
      at = end;
    }
  }

  /** @param alone whether nothing came behind the end. */
  #finish(alone: boolean): void {
    const reusable = alone && this.#head?.persistent === true;
    this.#phase = reusable ? 'idle' : 'stopped';
    this.#release();
    this.#receiver.end(reusable);
  }

  #release(): void {
    this.#heads.clear();
    this.#interim = 0;
    this.#head = null;
    this.#own = null;
    this.#slab = null;
    this.#chunks = null;
    this.#filled = 0;
  }
}
