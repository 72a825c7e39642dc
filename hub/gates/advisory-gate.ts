import type { Listed } from '../../base/digest.ts';
import { openRecord } from '../../mirror/held-record.ts';
import { advisoryPackages } from '../../yum/advisory-packages.ts';
import type { Bundle, BundlePackage, BundleRepository } from './bundle.ts';
import type { Objection } from './finding.ts';

/** Decompressed. The largest real ones have some 300 MB. */
const maxUpdateinfoBytes = 2 * 1024 ** 3;

interface Listing {
  readonly bundle: Bundle;
  readonly packages: readonly BundlePackage[];
}

/**
 * `advisories`: what lost packages that it had before in the same repository: an advisory names one no longer, or names
 * one that is no longer there, or is gone itself although a package that it named is still there.
 */
export async function lostByAdvisories(
  current: Listing,
  before: Listing,
  signal: AbortSignal,
): Promise<readonly Objection[]> {
  const found: Objection[] = [];
  for (const then of before.bundle.repositories) {
    const now = current.bundle.repositories.find(({ path }) => path === then.path);
    if (now === undefined) continue;
    const [had, has] = [filesOf(before, then.path), filesOf(current, then.path)];
    const [earlier, later] = [await advisoriesOf(then, signal), await advisoriesOf(now, signal)];
    for (const [id, named] of earlier) {
      const names = later.get(id);
      const lost = [...named].filter((file) => had.has(file) && (names?.has(file) !== true || !has.has(file)));
      // Gone with all that it was about.
      if (names === undefined && lost.every((file) => !has.has(file))) continue;
      const [first, ...more] = lost;
      if (first === undefined) continue;
      const all = `${first}${more.length === 0 ? '' : ` and ${more.length} more`}`;
      found.push({ subject: id, message: `of ${then.path} lost ${all}` });
    }
  }
  return found;
}

/** As advisories name packages: without their epoch. */
function filesOf({ packages }: Listing, path: string): ReadonlySet<string> {
  const own = packages.filter(({ repository }) => repository.path === path);
  return new Set(own.map(({ name, version, release, arch }) => `${name}-${version}-${release}.${arch}`));
}

async function advisoriesOf(
  { path, records, read }: BundleRepository,
  signal: AbortSignal,
): ReturnType<typeof advisoryPackages> {
  const record = records.find(({ type }) => type === 'updateinfo');
  if (record === undefined) return new Map();
  const sink = { read: (_: string, listed: Listed) => read(listed) };
  return advisoryPackages(openRecord({ sink, path, scope: 'open', signal }, record, maxUpdateinfoBytes));
}
