import { NotHttpError } from './wire-errors.ts';

/** Where in the frame of a chunk the next byte is (RFC 9112 §7.1). */
type Place =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'line'
  | 'trailer'
  | 'trailer-lf'
  | 'last-lf'
  | 'over';

/** 52 bits: more than any number of bytes that is counted here. */
const mostDigits = 13;
/** Bytes of extensions and trailers of one body, which are skipped. */
const mostSkipped = 64 * 1024;

const [tab, lf, cr, semicolon] = [0x09, 0x0a, 0x0d, 0x3b];

/** Tells the data of a chunked body from its frame, in pieces of any length. */
export class ChunkDecoder {
  /** Bytes of the present chunk that are still to come. */
  left = 0;
  #place: Place = 'size';
  #digits = 0;
  #skipped = 0;

  /** The last chunk and the trailers are through. */
  get over(): boolean {
    return this.#place === 'over';
  }

  /**
   * Goes over the frame from `at` on: `left` bytes of data begin where it stops, unless the body is over there or the
   * bytes are. Who takes data lowers `left`.
   * @throws NotHttpError
   */
  skipFrame(bytes: Uint8Array, at: number): number {
    let position = at;
    for (; position < bytes.length; position++) {
      if (this.#place === 'data') {
        if (this.left > 0) return position;
        this.#place = 'data-cr';
      }
      this.#take(bytes[position] ?? 0);
      if (this.#place === 'over') return position + 1;
    }
    return position;
  }

  #take(byte: number): void {
    switch (this.#place) {
      case 'size':
        return this.#size(byte);
      case 'extension':
        return this.#skip(byte, 'size-lf');
      case 'size-lf':
        return this.#demand(byte, lf, this.left > 0 ? 'data' : 'line');
      case 'data-cr':
        return this.#demand(byte, cr, 'data-lf');
      case 'data-lf':
        this.#digits = 0;
        return this.#demand(byte, lf, 'size');
      case 'line':
        if (byte === cr) this.#place = 'last-lf';
        else {
          this.#place = 'trailer';
          this.#skip(byte, 'trailer-lf');
        }
        return;
      case 'trailer':
        return this.#skip(byte, 'trailer-lf');
      case 'trailer-lf':
        return this.#demand(byte, lf, 'line');
      case 'last-lf':
        return this.#demand(byte, lf, 'over');
      case 'data':
      case 'over':
    }
  }

  #size(byte: number): void {
    const digit = digitOf(byte);
    if (digit < 0) {
      if (this.#digits === 0 || (byte !== cr && byte !== semicolon)) throw new NotHttpError('a chunk without a size');
      this.#place = byte === cr ? 'size-lf' : 'extension';
      return;
    }
    if (++this.#digits > mostDigits) throw new NotHttpError('a chunk of more bytes than there are');
    this.left = this.#digits === 1 ? digit : this.left * 16 + digit;
  }

  #skip(byte: number, behindCr: Place): void {
    if (byte === cr) {
      this.#place = behindCr;
      return;
    }
    if ((byte < 0x20 && byte !== tab) || byte === 0x7f) throw new NotHttpError('a control character around a chunk');
    if (++this.#skipped > mostSkipped) throw new NotHttpError('too much beside the chunks');
  }

  #demand(byte: number, wanted: number, next: Place): void {
    if (byte !== wanted) throw new NotHttpError('a chunk that does not end where it should');
    this.#place = next;
  }
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
