import type { Unservable } from '../base/package-entry.ts';

/** Bytes of UTF-8 that an href may have: three times that, percent-encoded, still fits a 16 KiB request head. */
export const maxHrefBytes = 2048;

export type HrefCheck =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly reason: Extract<Unservable['reason'], 'escapes' | 'absolute' | 'too-long'> };

/**
 * Reads an href of repomd.xml or primary.xml as a path inside its repository.
 * Clients append the href to the repository's URL (librepo does no RFC 3986 resolution), so only what such a client
 * would take for another place is refused; `?`, `#`, `%` and `:` are ordinary characters of a name here.
 * @param href raw: XML entities decoded, percent signs as they stand.
 * @returns the path without leading `./`, else why it cannot be served.
 */
export function checkHref(href: string): HrefCheck {
  if (Buffer.byteLength(href) > maxHrefBytes) return { ok: false, reason: 'too-long' };
  if (href.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:\//.test(href)) return { ok: false, reason: 'absolute' };
  const path = href.startsWith('./') ? href.slice(2) : href;
  return hasOnlyPlainSegments(path) ? { ok: true, path } : { ok: false, reason: 'escapes' };
}

export type RepositoryPathCheck =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly problem: string };

/**
 * Checks the path of a repository as a configuration or a hub gives it, such as `rhel9/baseos/x86_64`.
 * @returns the path as given, else the problem in words that complete "path …".
 */
export function checkRepositoryPath(path: string): RepositoryPathCheck {
  const problem = repositoryPathProblem(path);
  return problem === null ? { ok: true, path } : { ok: false, problem };
}

function repositoryPathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > 1024) return 'is longer than 1024 bytes';
  if (path.startsWith('/') || path.endsWith('/')) return 'must not begin or end with "/"';
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\//.test(path)) return 'must not be a URL';
  if (/[?#%]/.test(path)) return 'must not contain "?", "#" or "%"';
  if (!hasOnlyPlainSegments(path)) {
    return 'must not contain empty, "." or ".." segments, backslashes or control characters';
  }
  return null;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const unwelcome = /[\u0000-\u001f\u007f-\u009f\\]/;

function hasOnlyPlainSegments(path: string): boolean {
  if (unwelcome.test(path)) return false;
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}
