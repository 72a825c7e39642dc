import type { Listed } from '../../base/digest.ts';
import { FileSet } from '../../runs/file-set.ts';
import { compareVersions } from '../../yum/rpm-version.ts';
import { packageFile } from '../../yum/package-file.ts';

interface Package {
  readonly href: string;
  readonly listed: Listed;
}

/** A package by its name that was served, and how much it is asked for. */
export interface Demanded {
  /** `name.arch` */
  readonly name: string;
  readonly score: number;
  /** Seconds since the epoch. */
  readonly last: number;
}

/** What changed in one repository. */
export interface ChangedRepository {
  readonly path: string;
  readonly before: () => AsyncIterable<Package>;
  readonly after: () => AsyncIterable<Package>;
  /** Whether a package is there already: it takes nothing of the limit. */
  readonly holds: (listed: Listed) => boolean;
  /** What was served of it. */
  readonly demanded: readonly Demanded[];
}

export interface Candidate extends Package {
  readonly path: string;
}

/**
 * The new versions of what was served: packages that a repository did not list before, under names that clients were
 * given. Newest demand first, of one name the newest version first, up to so many bytes; what is too large leaves its
 * place to what comes after. Memory: 16 bytes for each package listed before, and the candidates.
 */
export async function selectCandidates(
  repositories: readonly ChangedRepository[],
  limit: number,
): Promise<readonly Candidate[]> {
  const found: (Candidate & { readonly demand: Demanded; readonly version: string; readonly release: string })[] = [];
  for (const { path, before, after, holds, demanded } of repositories) {
    const wanted = new Map(demanded.map((demand) => [demand.name, demand]));
    if (wanted.size === 0) continue;
    const known = new FileSet();
    for await (const { listed } of before()) known.add('', listed.digest);
    for await (const { href, listed } of after()) {
      const file = packageFile(href);
      const demand = file === null ? undefined : wanted.get(file.nameArch);
      if (file === null || demand === undefined) continue;
      if (!known.add('', listed.digest) || holds(listed)) continue;
      found.push({ path, href, listed, demand, version: file.version, release: file.release });
    }
  }
  found.sort(
    (one, other) =>
      other.demand.last - one.demand.last ||
      other.demand.score - one.demand.score ||
      compareText(one.demand.name, other.demand.name) ||
      compareVersions(other.version, one.version) ||
      compareVersions(other.release, one.release),
  );
  let left = limit;
  return found.flatMap(({ path, href, listed }) => {
    if (listed.size > left) return [];
    left -= listed.size;
    return [{ path, href, listed }];
  });
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
