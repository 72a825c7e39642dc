import { encodePath } from '../../http/request-path.ts';
import { repoFile, repoId } from '../../yum/repo-file.ts';
import type { Catalog, CatalogSubscription } from './catalog.ts';

/**
 * The .repo file of a subscription: one section for each repository, packages checked with the keys that this PoP
 * serves. Metadata is checked too where it is signed: a signature without a known key would stop every client.
 * @param publicUrl without a trailing `/`.
 */
export function repoText({ name, repositories }: CatalogSubscription, publicUrl: string): string {
  if (repositories.length === 0) return '# no repositories yet\n';
  const ids = new Set<string>();
  return repoFile(
    repositories.map(({ path, keys, signed, available }) => ({
      id: distinctId(path, ids),
      name: path,
      baseurl: contentUrl(publicUrl, path),
      gpgcheck: keys.length > 0,
      gpgkeys: keys.map((number) => keyUrl(publicUrl, name, number)),
      repoGpgcheck: signed && keys.length > 0,
      enabled: true,
      // One that is pending or closed must not stop dnf from using the others.
      skipIfUnavailable: !available,
    })),
  );
}

/** The .repo file of one repository alone; null when clients are not told of it. */
export function repoTextOf(catalog: Catalog, path: string): string | null {
  for (const subscription of catalog.subscriptions()) {
    const repositories = subscription.repositories.filter((repository) => repository.path === path);
    if (repositories.length > 0) return repoText({ ...subscription, repositories }, catalog.publicUrl);
  }
  return null;
}

export function contentUrl(publicUrl: string, path: string): string {
  return `${publicUrl}/content/${encodePath(path)}/`;
}

export function keyUrl(publicUrl: string, subscription: string, number: number): string {
  return `${publicUrl}/keys/${encodePath(subscription)}/${number}.asc`;
}

export function repoFileUrl(publicUrl: string, subscription: string): string {
  return `${publicUrl}/repo-files/${encodePath(subscription)}.repo`;
}

/** `a/b-c` and `a-b/c` are both `a-b-c`: dnf ignores the second section of a name, so it gets a number. */
function distinctId(path: string, taken: Set<string>): string {
  const id = repoId(path);
  let distinct = id;
  for (let number = 2; taken.has(distinct); number += 1) distinct = `${id}-${number}`;
  taken.add(distinct);
  return distinct;
}
