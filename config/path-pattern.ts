/** Why a text cannot be a pattern over repository paths, null when it can. */
export function pathPatternProblem(pattern: string): string | null {
  if (pattern === '') return 'must not be empty';
  if (pattern.startsWith('/') || pattern.endsWith('/')) return 'must neither begin nor end with /';
  return /^[A-Za-z0-9._~+:@=,*?/-]+$/.test(pattern)
    ? null
    : 'may hold only what a repository path may, and the wildcards * ** ?';
}

/**
 * A test for repository paths (contract: `*` does not cross `/`, `**` does). `?` is one character but `/`. A `**` that
 * is a whole segment also stands for none: a pattern `a/**` matches `a` itself, `**` + `/b` matches `b`.
 */
export function matchesPath(pattern: string, path: string): boolean {
  return expression(pattern).test(path);
}

function expression(pattern: string): RegExp {
  const source = pattern.replaceAll(
    /\/\*\*+$|(?<=^|\/)\*\*+\/|\*\*+|\*|\?|[^*?]/g,
    (token) => wildcards[token.replace(/\*\*+/, '**')] ?? RegExp.escape(token),
  );
  return new RegExp(`^${source}$`);
}

const wildcards: Readonly<Record<string, string>> = {
  '/**': '(?:/.*)?',
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};
