import { NotHttpError } from './wire-errors.ts';

/** Bytes of all that comes before a body, interim responses included. */
export const largestHead = 32 * 1024;

const headEnd = Buffer.from('\r\n\r\n');
const beginning = Buffer.from('HTTP/1.');
const [nul, lf, cr] = [0x00, 0x0a, 0x0d];

/** Finds the end of a head, which mostly comes in one piece. */
export class HeadCollector {
  /** What came of a head that did not come in one piece. */
  #pieces: Buffer | null = null;
  #collected = 0;
  /** Bytes of heads since the last `clear`. */
  #total = 0;
  /** Of the last head that was found, without its empty line. */
  text = '';

  /**
   * @returns where the bytes behind the head begin, and `text` is the head; -1 when more has to come.
   * @throws NotHttpError as soon as the bytes cannot become a head.
   */
  find(bytes: Buffer, at: number): number {
    if (this.#pieces !== null) return this.#goOn(this.#pieces, bytes);
    const end = bytes.indexOf(headEnd, at);
    if (end < 0) return this.#begin(bytes, at);
    this.#count(end + headEnd.length - at);
    this.text = bytes.toString('latin1', at, end);
    return end + headEnd.length;
  }

  /** The next head is that of another response. */
  clear(): void {
    this.#pieces = null;
    this.#collected = 0;
    this.#total = 0;
  }

  #begin(bytes: Buffer, at: number): number {
    this.#pieces = Buffer.allocUnsafe(largestHead);
    return this.#goOn(this.#pieces, bytes.subarray(at));
  }

  #goOn(pieces: Buffer, bytes: Buffer): number {
    const before = this.#collected;
    const taken = bytes.copy(pieces, before, 0, Math.min(bytes.length, largestHead - this.#total - before));
    const collected = pieces.subarray(0, before + taken);
    const end = collected.indexOf(headEnd, Math.max(0, before - headEnd.length + 1));
    if (end >= 0) {
      this.#pieces = null;
      this.#collected = 0;
      this.#count(end + headEnd.length);
      this.text = collected.toString('latin1', 0, end);
      return end + headEnd.length - before;
    }
    this.#collected = collected.length;
    if (taken < bytes.length) this.#count(largestHead + 1);
    demandBeginning(collected, before);
    return -1;
  }

  #count(bytes: number): void {
    this.#total += bytes;
    if (this.#total > largestHead) throw new NotHttpError(`a head of more than ${largestHead} bytes`);
  }
}

/** Refuses what will never become a head, for its end might never come. @param from what was looked at before. */
function demandBeginning(bytes: Buffer, from: number): void {
  const known = Math.min(bytes.length, beginning.length);
  if (beginning.compare(bytes, 0, known, 0, known) !== 0) throw new NotHttpError('what came does not begin like HTTP');
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    const bare = byte === lf && bytes[at - 1] !== cr;
    if (byte === nul || bare) throw new NotHttpError('what came is no response head');
  }
}
