/** What a kind of URL in the configuration may have beyond scheme, host and path. */
export interface WebUrlRules {
  readonly query: boolean;
}

/**
 * Why a text cannot stand where an upstream's URL is wanted; null when it can. User information is refused because
 * URLs reach logs and status; it belongs in `username` and `passwordFile`.
 */
export function webUrlProblem(text: string, rules: WebUrlRules): string | null {
  // The URL parser repairs these silently; the operator should know what is asked.
  if (/[\s\\\p{Cc}]/u.test(text)) return 'must not hold spaces, control characters or \\';
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return 'must be a URL that begins with http:// or https://';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text)) {
    return 'must not hold a user or password: use username and passwordFile';
  }
  if (text.includes('#')) return 'must not have a fragment (#)';
  if (!rules.query && text.includes('?')) return 'must not have a query (?)';
  if (/\$\{?(releasever|basearch|arch|uuid|infra|contentdir|stream)\b/.test(text)) {
    return 'must not hold dnf variables such as $basearch: nothing replaces them here';
  }
  return null;
}

/** The base that hrefs are appended to: normalised, ending with `/`. */
export function baseUrl(text: string): string {
  const { href } = new URL(text);
  return href.endsWith('/') ? href : `${href}/`;
}

/** The URL without its query, for people: a query may carry a token. */
export function displayUrl(text: string): string {
  const url = new URL(text);
  return url.search === '' ? url.href : `${url.origin}${url.pathname}?…`;
}
