import { WaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { parseRetryAfter } from '../http/freshness.ts';
import type { Head, ResponseHeaders } from './wire/response-head.ts';

/** Where the bytes that are asked for end, before the end of a file whose length is known. */
export interface Until {
  /** Exclusive. */
  readonly end: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** What was asked of an origin. */
export interface Asked {
  /** 0: the whole file, without a Range. */
  readonly offset: number;
  /** null: the file's end. */
  readonly until: Until | null;
  /** Whether validators were sent. */
  readonly conditional: boolean;
  /** The URL, fit for logs. */
  readonly where: string;
  /** Wall clock, for Retry-After given as a date. */
  readonly now: number;
}

/** What a response head means for what was asked. */
export type Judgement =
  | { readonly kind: 'body'; readonly total: number | null; /** Bytes to drop first. */ readonly skip: number }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'refused'; readonly error: WaystationError };

/** Seconds; who asks for more is asked again after this. */
const longestRetryAfter = 3600;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Judges a response head by RFC 9110: only bytes that are what was asked for pass. 200 to a range is right (§14.2: a
 * server may ignore Range), the bytes before the offset are dropped. 206 must be the rest of the file from the offset.
 * What is asked for with an end must be exactly that: a whole file would bring far more than anybody waits for.
 */
export function judge({ status, headers }: Head, asked: Asked): Judgement {
  const { where } = asked;
  const refuse = (code: ErrorCode, reason: string, retryAfter: number | null = null): Judgement => ({
    kind: 'refused',
    error: new WaystationError(code, `${where} ${reason}`, { retryAfter }),
  });
  const location = headers.location;
  if (redirects.has(status) && location !== undefined) return { kind: 'redirect', location };
  switch (status) {
    case 200:
    case 206: {
      const body = status === 200 ? wholeBody(headers, asked) : partialBody(headers, asked);
      const lie = typeof body === 'string' ? body : encodingLie(headers, where);
      return lie === null ? (body as Judgement) : refuse('upstream_lied', lie);
    }
    case 304:
      return asked.conditional
        ? { kind: 'not-modified' }
        : refuse('upstream_lied', 'answers 304 although nothing was known');
    case 401:
    case 403:
    case 407:
      return refuse(
        'upstream_unauthorized',
        status === 407 ? 'is behind a proxy that wants to know who asks (407)' : `answers ${status}`,
      );
    case 404:
    case 410:
      return refuse('upstream_missing', `answers ${status}`);
    default:
      return refuse('upstream_status', `answers ${status}`, retryAfterOf(headers, asked.now));
  }
}

function wholeBody(headers: ResponseHeaders, { offset, until }: Asked): Judgement | string {
  if (until !== null) return 'answers with the whole although a part was asked for';
  const total = contentLength(headers) ?? artifactSize(headers);
  if (total !== null && total < offset) return `has ${total} bytes where ${offset} were had before`;
  return { kind: 'body', total, skip: offset };
}

/** null when there is none or it is not a number. */
function contentLength(headers: ResponseHeaders): number | null {
  const text = headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Pulp sends what it fetches itself meanwhile in chunks, and says here how long it is. */
function artifactSize(headers: ResponseHeaders): number | null {
  const text = headers['x-pulp-artifact-size'];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function partialBody(headers: ResponseHeaders, { offset, until }: Asked): Judgement | string {
  if (offset === 0 && until === null) return 'answers with a part although the whole was asked for';
  const given = headers['content-range'] ?? '';
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(given);
  if (range === null) return `answers 206 with Content-Range "${given.slice(0, 80)}"`;
  const [first, last] = [Number(range[1]), Number(range[2])];
  const total = range[3] === '*' ? null : Number(range[3]);
  const length = contentLength(headers);
  const consistent =
    first === offset &&
    last >= first &&
    (until === null ? total === null || last === total - 1 : last === until.end - 1 && total === until.total) &&
    (length === null || length === last - first + 1);
  return consistent
    ? { kind: 'body', total, skip: 0 }
    : `was asked for ${until === null ? `bytes from ${offset} on` : `bytes ${offset}-${until.end - 1}/${until.total}`} and gives ${given.slice(0, 80)}`;
}

/** Servers label `.gz` files as encoded although the bytes are the file's own (Apache's AddEncoding): those pass. */
const harmlessLabels: Readonly<Record<string, RegExp>> = {
  gzip: /\.t?gz$/,
  'x-gzip': /\.t?gz$/,
  bzip2: /\.bz2$/,
  'x-bzip2': /\.bz2$/,
  xz: /\.xz$/,
  'x-xz': /\.xz$/,
  zstd: /\.zst$/,
};

/** Identity was asked for, so anything else would be stored as what it is not; nothing here decodes. */
function encodingLie(headers: ResponseHeaders, where: string): string | null {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return null;
  if (harmlessLabels[encoding]?.test(where) === true) return null;
  return `encodes its answer as ${encoding.slice(0, 40)} although identity was asked for`;
}

function retryAfterOf(headers: ResponseHeaders, now: number): number | null {
  return parseRetryAfter(headers['retry-after'], now, longestRetryAfter);
}
