import { parseHttpDate } from './http-date.ts';

/** The request headers that decide, as Node gives them. */
export interface ConditionalHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
  readonly 'if-unmodified-since'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
}

/** The validators of what would be sent. */
export interface CurrentValidators {
  /** With quotes, and `W/` when weak. */
  readonly etag: string | null;
  /** Milliseconds since the epoch. */
  readonly lastModified: number | null;
}

/** `useRange`: whether the Range header counts; false means the whole file, whatever it says. */
export type Precondition =
  | { readonly kind: 'proceed'; readonly useRange: boolean }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'failed' };

const notModified: Precondition = { kind: 'not-modified' };
const failed: Precondition = { kind: 'failed' };
const proceedWhole: Precondition = { kind: 'proceed', useRange: false };
const proceedInRanges: Precondition = { kind: 'proceed', useRange: true };

/**
 * Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 §13.2.2. `not-modified` is 304, `failed` 412.
 * Dates that cannot be read are ignored. A Range counts on GET only (§14.2).
 */
export function evaluatePreconditions(
  method: 'GET' | 'HEAD',
  headers: ConditionalHeaders,
  current: CurrentValidators,
): Precondition {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, current.etag, strongMatch)) return failed;
  } else if (isModifiedSince(headers['if-unmodified-since'], current.lastModified) === true) {
    return failed;
  }
  if (ifNoneMatch !== undefined) {
    if (listMatches(ifNoneMatch, current.etag, weakMatch)) return notModified;
  } else if (isModifiedSince(headers['if-modified-since'], current.lastModified) === false) {
    return notModified;
  }
  const useRange = method === 'GET' && headers.range !== undefined && ifRangeHolds(headers['if-range'], current);
  return useRange ? proceedInRanges : proceedWhole;
}

/** Both strong and the same (§8.8.3.2). */
function strongMatch(left: string, right: string): boolean {
  return left === right && !left.startsWith('W/');
}

/** The same, weak or not (§8.8.3.2). */
function weakMatch(left: string, right: string): boolean {
  return left.replace(/^W\//, '') === right.replace(/^W\//, '');
}

const entityTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** `*` matches whatever exists; a list that breaks the grammar matches nothing from the break on. */
function listMatches(list: string, etag: string | null, match: (left: string, right: string) => boolean): boolean {
  if (list.trim() === '*') return true;
  if (etag === null) return false;
  const member = /[ \t]*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y;
  while (member.lastIndex < list.length) {
    const found = member.exec(list);
    if (found === null) return false;
    if (found[1] !== undefined && match(found[1], etag)) return true;
  }
  return false;
}

/** Null when the date is absent or unreadable, or nobody knows when the file changed. Whole seconds, as on the wire. */
function isModifiedSince(header: string | undefined, lastModified: number | null): boolean | null {
  if (header === undefined || lastModified === null) return null;
  const date = parseHttpDate(header);
  return date === null ? null : Math.floor(lastModified / 1000) * 1000 > date;
}

/** §13.1.5: an entity tag by strong comparison, a date only when it is exactly the one that we give. */
function ifRangeHolds(header: string | undefined, current: CurrentValidators): boolean {
  if (header === undefined) return true;
  const value = header.trim();
  if (entityTag.test(value)) return current.etag !== null && strongMatch(value, current.etag);
  const date = parseHttpDate(value);
  if (date === null || current.lastModified === null) return false;
  return date === Math.floor(current.lastModified / 1000) * 1000;
}
