import type { Validators } from '../base/transfer.ts';
import type { Until } from './judgement.ts';

/** Where a file is: what a URL says beside user info and fragment. */
export interface Target {
  /** Scheme, host and port. */
  readonly origin: string;
  /** As it goes on the request line. */
  readonly pathname: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

/** What a request asks for, apart from where. */
export interface Wanted {
  /** Position of the first byte wanted; 0 asks for the whole, unless there is an `until`. */
  readonly offset: number;
  /** Ends the wanted bytes before the end of the file: nothing but exactly those will do. */
  readonly until?: Until | null;
  readonly validators: Validators | null;
}

type Fields = Readonly<Record<string, string>>;

const visible = /^[\x21-\x7e]+$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Origins whose fields are remembered. */
const mostOrigins = 256;

/** Writes requests of one program (RFC 9112 §3): nothing of a client's request is in them. */
export class RequestTexts {
  readonly #agent: string;
  /** Field lines by origin, for requests that show nothing. */
  readonly #plain = new Map<string, string>();

  /** @param version of this program, for User-Agent. */
  constructor(version: string) {
    this.#agent = `waystation/${version}`;
  }

  /**
   * @param before what stands before the path on the request line.
   * @param shown credentials and the like; they stand in the place of fields of the same name.
   * @throws Error what cannot be sent.
   */
  get(
    target: Target,
    wanted: Wanted,
    { before, shown }: { readonly before: string; readonly shown: Fields | null },
  ): string {
    const line = `${before}${target.pathname}${target.search}`;
    if (!visible.test(line)) throw new Error('the path cannot be sent');
    const asked = conditions(wanted);
    const lines =
      shown === null
        ? this.#plainLines(target.origin) + (asked === null ? '' : linesOf(asked))
        : linesOf({ ...this.#fields(target.origin), ...asked, ...shown });
    return `GET ${line} HTTP/1.1\r\n${lines}\r\n`;
  }

  /** The lines behind the request line, and the empty one, of requests for whole files that show nothing. */
  plainFields(origin: string): string {
    return `${this.#plainLines(origin)}\r\n`;
  }

  /** What is asked for on the request line; null: it cannot be sent. */
  plainTarget({ pathname, search }: Target): string | null {
    const line = `${pathname}${search}`;
    return visible.test(line) ? line : null;
  }

  #plainLines(origin: string): string {
    const known = this.#plain.get(origin);
    if (known !== undefined) return known;
    if (this.#plain.size >= mostOrigins) this.#plain.clear();
    const lines = linesOf(this.#fields(origin));
    this.#plain.set(origin, lines);
    return lines;
  }

  #fields(origin: string): Fields {
    return {
      host: origin.slice(origin.indexOf('//') + 2),
      connection: 'keep-alive',
      'user-agent': this.#agent,
      accept: '*/*',
      'accept-encoding': 'identity',
    };
  }
}

/** null: none, as mostly. */
function conditions({ offset, until = null, validators }: Wanted): Fields | null {
  if (offset === 0 && until === null && validators === null) return null;
  const fields: Record<string, string> = {};
  if (until !== null) fields['range'] = `bytes=${offset}-${until.end - 1}`;
  else if (offset > 0) fields['range'] = `bytes=${offset}-`;
  if (typeof validators?.etag === 'string') fields['if-none-match'] = validators.etag;
  if (typeof validators?.lastModified === 'string') fields['if-modified-since'] = validators.lastModified;
  return fields;
}

function linesOf(fields: Fields): string {
  let lines = '';
  for (const [name, value] of Object.entries(fields)) {
    if (!token.test(name) || !fieldValue.test(value)) throw new Error(`the header ${name} cannot be sent`);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
