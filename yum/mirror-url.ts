/** What a metalink or a mirror list says about a repository. */
export interface MirrorList {
  /** Base URLs with a slash at the end, best first. Only http and https, without credentials. */
  readonly urls: readonly string[];
}

export const maxMirrorListBytes = 1024 * 1024;
/** More mirrors than any list has. */
export const maxMirrors = 1000;

/**
 * A mirror's URL as the base URL of its repository: `repodata/repomd.xml` is cut off, a slash put at the end.
 * @returns null for what is no http or https URL, or has user info or a fragment (nobody writes those but by mistake).
 */
export function mirrorUrl(text: string): string | null {
  const url = URL.parse(text.trim());
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') return null;
  const path = url.pathname.replace(/\/repodata\/repomd\.xml$/, '');
  return `${url.origin}${path.endsWith('/') ? path : `${path}/`}`;
}
