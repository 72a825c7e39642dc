/** What a request target means, decoded once. */
export interface RequestPath {
  /** Decoded: starts with `/`, no empty segment but a trailing one, no `.` or `..`, no control character, no `\`. */
  readonly path: string;
  /** The path as it came, without the query. */
  readonly raw: string;
  /** Without its `?`; empty when there is none. Never decoded, never part of a key. */
  readonly query: string;
}

export interface BadPath {
  readonly error: 'bad_path';
  /** For people; does not repeat the target. */
  readonly reason: string;
}

/** Characters that mean themselves, in segments that no rule below can object to once `plainTarget` has passed. */
const plainTarget = /^(?:\/[A-Za-z0-9_~+^@:,=!$&'()*;-][A-Za-z0-9._~+^@:,=!$&'()*;-]*)+\/?$/;

/**
 * Decodes a request target in origin-form (RFC 9112 §3.2.1) into one raw path, or refuses it. Percent signs are decoded
 * exactly once, as UTF-8; `+` stays `+`. Bytes above 127 that came bare are taken as the UTF-8 that they are, so every
 * spelling of a name gives one path. Encoded slashes and dot segments are refused, not resolved: what decides on access
 * and what looks the file up must never read one target in two ways.
 * @param target as Node gives it in `request.url`: one character for each byte.
 */
export function decodeRequestPath(target: string): RequestPath | BadPath {
  // Nearly every request ends here: one pass over the target, nothing to decode.
  if (plainTarget.test(target)) return { path: target, raw: target, query: '' };
  if (!target.startsWith('/')) return refuse('not in origin-form');
  const mark = target.indexOf('?');
  const raw = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (raw.includes('#')) return refuse('fragment in a request target');
  if (/%2f/i.test(raw)) return refuse('encoded slash');
  const path = percentDecoded(raw);
  if (path === null) return refuse('not valid percent-encoded UTF-8');
  const reason = objection(path);
  return reason === null ? { path, raw, query } : refuse(reason);
}

/**
 * The one percent-encoding of a raw path, for upstream URLs and links: everything but letters, digits, `-._~` and `/`
 * is encoded (the unreserved set of RFC 3986 §2.3). Servers disagree about a bare `+`, `^` or `;` (S3 reads `+` as a
 * space), none about `%2B`; and an encoded `:` can never be read as a URL scheme.
 * @param raw decoded path, absolute or relative.
 */
export function encodePath(raw: string): string {
  if (/^[A-Za-z0-9\-._~/]*$/.test(raw)) return raw;
  return raw
    .toWellFormed()
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/[!'()*]/g, encodedByte))
    .join('/');
}

function refuse(reason: string): BadPath {
  return { error: 'bad_path', reason };
}

function percentDecoded(raw: string): string | null {
  if (/[^\0-\xff]/.test(raw)) return null;
  if (!raw.includes('%') && isAscii(raw)) return raw;
  try {
    return decodeURIComponent(raw.replace(/[\x80-\xff]/g, encodedByte));
  } catch {
    return null;
  }
}

function encodedByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** Why a decoded path is refused; null when it is a path. */
function objection(path: string): string | null {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\x00-\x1f\x7f-\x9f]/.test(path)) return 'control character';
  if (path.includes('\\')) return 'backslash';
  if (path.includes('//')) return 'empty segment';
  if (/\/\.\.?(?:\/|$)/.test(path)) return 'dot segment';
  return null;
}
