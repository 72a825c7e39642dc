/** A URL for logs and errors: without user info, query and fragment, which may hold secrets (signed URLs). */
export function shownUrl(url: Pick<URL, 'origin' | 'pathname'> | string): string {
  const { origin, pathname } = typeof url === 'string' ? new URL(url) : url;
  return `${origin}${pathname}`;
}
