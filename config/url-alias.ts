/** Why a text cannot be one side of an alias, the beginning of a URL path; null when it can. */
export function aliasProblem(text: string): string | null {
  if (!/^\/(.*\/)?$/s.test(text)) return 'must begin and end with /';
  const isPlain = !/\/\/|\/\.{1,2}\/|[^A-Za-z0-9._~+:@=,/-]/.test(text);
  return isPlain ? null : 'must be a plain path: no //, .., spaces or ?#%';
}

const ownUrls = ['/content/', '/generations/', '/repo-files/', '/keys/'];

/** The URL of our own that nobody could reach any more if this were an alias; null when there is none. */
export function urlHiddenBy(alias: string): string | null {
  return ownUrls.find((own) => own.startsWith(alias) || alias.startsWith(own)) ?? null;
}
