import { NotHttpError } from './wire-errors.ts';

/** Fields that anybody here looks at. Of those that may come once, the first counts; `joined` ones become one list. */
const once = ['age', 'content-type', 'date', 'etag', 'last-modified', 'location', 'retry-after'] as const;
const joined = [
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'keep-alive',
  'transfer-encoding',
  'x-pulp-artifact-size',
] as const;

type FieldName = (typeof once)[number] | (typeof joined)[number];

/** Names in lower case. */
export type ResponseHeaders = { readonly [name in FieldName]?: string | undefined };

/** What is judged of a response. */
export interface Head {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/** What the first part of a response says, and how its body ends (RFC 9112 §6.3). */
export interface ResponseHead extends Head {
  /** Bytes of the body; null: in chunks, or until the connection closes. */
  readonly length: number | null;
  readonly chunked: boolean;
  /** Whether the connection may be used again behind the body. */
  readonly persistent: boolean;
  /** Seconds that an idle connection stays open, where the other side says so. */
  readonly keepAlive: number | null;
}

/** A status line and field lines (RFC 9112 §4, §5) without folding, bare CR or LF, or other control characters. */
const wellFormed =
  /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*$/;

/** Names in the spellings that servers use, so that few need to be put into lower case. */
const spellings: ReadonlyMap<string, FieldName> = new Map(
  [...once, ...joined].flatMap((name) => [
    [name, name],
    [name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()), name],
  ]),
);
const comesOnce: ReadonlySet<FieldName> = new Set(once);

/**
 * @param text of a head without its empty line, a character for each byte.
 * @throws NotHttpError
 */
export function parseHead(text: string): ResponseHead {
  if (!wellFormed.test(text)) throw new NotHttpError('what came is no response head');
  const headers = fieldsOf(text);
  const status = Number(text.slice(9, 12));
  const old = text.charCodeAt(7) === 0x30;
  const chunked = isChunked(headers, old);
  const declared = lengthOf(headers);
  if (chunked && declared !== null) throw new NotHttpError('a head has a length and a transfer coding');
  const length = status < 200 || status === 204 || status === 304 ? 0 : declared;
  return {
    status,
    headers,
    length,
    chunked: chunked && length === null,
    persistent: (chunked || length !== null) && staysOpen(headers.connection, old),
    keepAlive: keepAliveOf(headers['keep-alive']),
  };
}

function fieldsOf(text: string): ResponseHeaders {
  // All of them, so that every head has the same shape.
  const headers: Record<FieldName, string | undefined> = {
    age: undefined,
    'content-type': undefined,
    date: undefined,
    etag: undefined,
    'last-modified': undefined,
    location: undefined,
    'retry-after': undefined,
    connection: undefined,
    'content-encoding': undefined,
    'content-length': undefined,
    'content-range': undefined,
    'keep-alive': undefined,
    'transfer-encoding': undefined,
    'x-pulp-artifact-size': undefined,
  };
  for (let line = text.indexOf('\r\n'); line >= 0;) {
    const colon = text.indexOf(':', line);
    const next = text.indexOf('\r\n', colon);
    const spelled = text.slice(line + 2, colon);
    const name = spellings.get(spelled) ?? spellings.get(spelled.toLowerCase());
    if (name !== undefined) {
      const value = trimmed(text, colon + 1, next < 0 ? text.length : next);
      const before = headers[name];
      if (before === undefined) headers[name] = value;
      else if (!comesOnce.has(name)) headers[name] = `${before}, ${value}`;
    }
    line = next;
  }
  return headers;
}

/** Without the spaces and tabs around it: other white space belongs to a value (RFC 9110 §5.5). */
function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isChunked(headers: ResponseHeaders, old: boolean): boolean {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return false;
  if (!old && coding.toLowerCase() === 'chunked') return true;
  throw new NotHttpError(`a transfer coding that is not understood: ${coding.slice(0, 40)}`);
}

/** Several that say the same are one (RFC 9110 §8.6). */
function lengthOf(headers: ResponseHeaders): number | null {
  const declared = headers['content-length'];
  if (declared === undefined) return null;
  if (/^\d{1,15}$/.test(declared)) return Number(declared);
  const [first = '', ...others] = declared.split(',').map((each) => each.trim());
  if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first))
    throw new NotHttpError(`a length that is none: ${declared.slice(0, 40)}`);
  (headers as { 'content-length'?: string })['content-length'] = first;
  return Number(first);
}

function staysOpen(connection: string | undefined, old: boolean): boolean {
  if (connection === undefined) return !old;
  const options = connection.toLowerCase();
  if (options === 'keep-alive') return true;
  const listed = options.split(',').map((option) => option.trim());
  return !listed.includes('close') && (!old || listed.includes('keep-alive'));
}

function keepAliveOf(field: string | undefined): number | null {
  const seconds = field === undefined ? null : /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i.exec(field);
  return seconds === null ? null : Number(seconds[1]);
}
