import { SaxesParser, type SaxesTagNS } from 'saxes';
import { type ErrorCode, WaystationError } from '../base/errors.ts';

/** An element as it opens. Prefixes are resolved: `uri` is the namespace, '' for none. */
export type XmlElement = SaxesTagNS;

export interface XmlEvents {
  /** `depth` of the root is 0. */
  open(element: XmlElement, depth: number): void;
  /** `text` is what `collectText` asked for at this element's opening, not trimmed; '' when nothing was asked. */
  close(depth: number, text: string): void;
}

/** Limits in bytes (more exactly: UTF-16 units), whatever a hostile document does. */
const limits = { piece: 64 * 1024, prolog: 64 * 1024, token: 1024 * 1024, depth: 32 };

/**
 * The strict XML reader of this project: saxes with namespaces, UTF-8 only, in bounded memory.
 * saxes itself buffers without limit what has not ended (a tag, a comment, CDATA, an entity, wanted text), so the
 * input is given in pieces and a token that goes on for more than 1 MiB is refused. Text that nobody wants is free.
 */
export class XmlReader {
  readonly #events: XmlEvents;
  readonly #code: ErrorCode;
  readonly #what: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #parser = new SaxesParser({ xmlns: true, position: true });
  #depth = 0;
  #rootSeen = false;
  #text: string | null = null;
  #read = 0;
  #lastEvent = 0;
  #lastMarkup = -1;
  #entityOpen = false;
  #pending = 0;

  /** @param options.what names the document in errors, such as `primary.xml`; `code` is the error for bad input. */
  constructor(events: XmlEvents, options: { readonly code: ErrorCode; readonly what: string }) {
    this.#events = events;
    this.#code = options.code;
    this.#what = options.what;
    // Six listeners at most: saxes keeps them as properties, and with a seventh V8 turns the parser into a dictionary,
    // which takes four times the CPU (measured on Node 26).
    this.#parser.on('error', (error) => this.refuse(error.message));
    this.#parser.on('opentag', (element) => this.#open(element));
    this.#parser.on('closetag', () => this.#close());
    this.#parser.on('comment', () => this.#happened());
    this.#parser.on('cdata', (text) => {
      this.#happened();
      if (this.#text !== null) this.#append(text);
    });
  }

  /** From within `open`: keeps the text of the element that opens, up to its closing. */
  collectText(): void {
    this.#text = '';
    this.#parser.on('text', (text) => this.#append(text));
  }

  /** Reads a part of the document, of any length. */
  write(bytes: Buffer): void {
    const text = this.#decode(bytes);
    for (let start = 0; start < text.length; start += limits.piece) {
      this.#piece(text.slice(start, start + limits.piece));
    }
  }

  /** The document ended. */
  end(): void {
    this.#piece(this.#decode(null));
    if (this.#read === 0) this.refuse('is empty');
    this.#parser.close();
  }

  /**
   * Reads a whole document that is small by nature. One that breaks this reader's own limit is unusable like every bad
   * one, so the error is `code` for both.
   */
  readWhole(bytes: Buffer): void {
    try {
      this.write(bytes);
      this.end();
    } catch (error) {
      if (error instanceof WaystationError && error.code === 'metadata_too_large') {
        throw new WaystationError(this.#code, error.message, { cause: error });
      }
      throw error;
    }
  }

  /** @throws WaystationError always: the document is not what it should be. */
  refuse(reason: string): never {
    throw new WaystationError(this.#code, `${this.#what}: ${reason.slice(0, 300)}`);
  }

  #decode(bytes: Buffer | null): string {
    try {
      return bytes === null ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true });
    } catch {
      return this.refuse('is not UTF-8');
    }
  }

  #piece(piece: string): void {
    const markup = piece.lastIndexOf('<');
    if (markup >= 0) this.#lastMarkup = this.#read + markup;
    const ampersand = piece.lastIndexOf('&');
    if (ampersand >= 0 || this.#entityOpen) this.#entityOpen = !piece.includes(';', Math.max(0, ampersand));
    this.#read += piece.length;
    this.#parser.write(piece);
    const inToken = this.#text !== null || this.#entityOpen || this.#lastMarkup >= this.#lastEvent;
    this.#pending = inToken ? this.#pending + piece.length : 0;
    if (this.#pending > limits.token) this.#tooLarge('a tag, comment, CDATA section or entity');
    if (!this.#rootSeen && this.#read > limits.prolog) this.refuse('has no root element in its first 64 KiB');
  }

  #open(element: XmlElement): void {
    this.#happened();
    if (this.#text !== null) this.refuse(`has an element <${element.name}> where only text belongs`);
    if (this.#depth >= limits.depth) this.refuse('has too many nested elements');
    if (!this.#rootSeen && element.local.toLowerCase() === 'html') this.refuse('looks like an HTML page');
    if (!this.#rootSeen) this.#checkEncoding(this.#parser.xmlDecl.encoding);
    this.#rootSeen = true;
    this.#events.open(element, this.#depth++);
  }

  #close(): void {
    this.#happened();
    const text = this.#text;
    if (text !== null) {
      this.#text = null;
      this.#parser.off('text');
    }
    this.#events.close(--this.#depth, text ?? '');
  }

  #append(text: string): void {
    this.#text += text;
    if ((this.#text?.length ?? 0) > limits.token) this.#tooLarge('a text');
  }

  #happened(): void {
    this.#lastEvent = this.#parser.position;
    this.#pending = 0;
  }

  #checkEncoding(encoding: string | undefined): void {
    if (encoding !== undefined && !/^(utf-?8|us-ascii|ascii)$/i.test(encoding)) {
      this.refuse(`has the encoding ${encoding}, not UTF-8`);
    }
  }

  #tooLarge(what: string): never {
    throw new WaystationError('metadata_too_large', `${this.#what}: ${what} is larger than 1 MiB`);
  }
}
