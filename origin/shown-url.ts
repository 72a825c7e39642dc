/** A URL for logs and errors: without user info, query and fragment, which may hold secrets (signed URLs). */
export function shownUrl(url: URL | string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
