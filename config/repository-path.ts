/**
 * Why a text cannot be the path of a repository, null when it can. A path is what stands between `/content/` and the
 * file name: relative, of plain segments, so that it is the same in a URL, on disk and in a .repo file.
 */
export function repositoryPathProblem(path: string): string | null {
  if (path === '') return 'must not be empty';
  if (path.startsWith('/')) return 'must be relative: no leading /';
  if (path.endsWith('/')) return 'must not end with /';
  if (path.length > 512) return 'is longer than 512 characters';
  for (const segment of path.split('/')) {
    const problem = segmentProblem(segment);
    if (problem !== null) return problem;
  }
  return null;
}

function segmentProblem(segment: string): string | null {
  if (segment === '') return 'must not have empty segments (//)';
  if (segment === '.' || segment === '..') return 'must not have . or .. as a segment';
  // `/generations/@<time>/…` names a moment, so no segment may look like one.
  if (segment.startsWith('@')) return 'must not have a segment that begins with @';
  // The files of the repository above would be hidden by it.
  if (segment === 'repodata') return 'must not have repodata as a segment';
  return /^[A-Za-z0-9._~+:@=,-]+$/.test(segment) ? null : 'may hold only letters, digits and . _ ~ + : @ = , - and /';
}

/** `site/a` + `edge/base` = `site/a/edge/base`; an empty prefix changes nothing. */
export function joinPrefix(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}
