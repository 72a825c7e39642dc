import { algorithmOf } from '../../base/digest.ts';
import { compareEvr } from '../../yum/rpm-version.ts';
import type { Bundle, BundlePackage } from './bundle.ts';
import type { Objection } from './finding.ts';

/** The packages of a snapshot. */
export interface Packages {
  readonly name: string;
  readonly packages: readonly BundlePackage[];
}

/**
 * `no-clash`: one NEVRA is one file, in the bundle and in all that the channel pointed to before. Digests of different
 * algorithms cannot be compared.
 */
export function clashes(packages: readonly BundlePackage[], history: readonly Packages[]): readonly Objection[] {
  const here = Map.groupBy(packages, ({ text }) => text);
  const found: Objection[] = [];
  for (const [text, [first, ...others]] of here) {
    if (first === undefined) continue;
    const other = others.find((each) => differ(first, each));
    if (other !== undefined) {
      const where = `${first.repository.path} and ${other.repository.path}`;
      found.push({ subject: text, message: `is two different files, in ${where}` });
    }
  }
  const told = new Set(found.map(({ subject }) => subject));
  for (const { name, packages: before } of history)
    for (const one of before) {
      const now = here.get(one.text)?.find((each) => differ(one, each));
      if (now === undefined || told.has(one.text)) continue;
      told.add(one.text);
      found.push({ subject: one.text, message: `is another file than in ${name}` });
    }
  return found;
}

function differ(one: BundlePackage, other: BundlePackage): boolean {
  const [a, b] = [one.listed.digest, other.listed.digest];
  return algorithmOf(a) === algorithmOf(b) && a !== b;
}

/** `no-downgrade`: what was newest of a package in a repository is still there, or something newer. */
export function downgrades(packages: readonly BundlePackage[], before: readonly BundlePackage[]): readonly Objection[] {
  const newest = newestOf(packages);
  return [...newestOf(before)].flatMap(([key, old]) => {
    const now = newest.get(key);
    if (now === undefined || compareEvr(now, old) >= 0) return [];
    return [{ subject: now.text, message: `is older than ${old.text}, which ${old.repository.path} had before` }];
  });
}

function newestOf(packages: readonly BundlePackage[]): ReadonlyMap<string, BundlePackage> {
  const newest = new Map<string, BundlePackage>();
  for (const one of packages) {
    const key = `${one.repository.path} ${one.name}.${one.arch}`;
    const known = newest.get(key);
    if (known === undefined || compareEvr(one, known) > 0) newest.set(key, one);
  }
  return newest;
}

/** `jumps`: no repository goes, and none grows or shrinks by more than so many percent, in packages and in bytes. */
export function jumps(
  current: Listing,
  before: Listing,
  most: { readonly packages: number; readonly bytes: number },
): readonly Objection[] {
  const now = sizes(current.packages);
  const then = sizes(before.packages);
  const paths = new Set(current.bundle.repositories.map(({ path }) => path));
  return before.bundle.repositories.flatMap(({ path }): Objection[] => {
    if (!paths.has(path)) return [{ subject: path, message: 'is gone' }];
    const [old, latest] = [then.get(path) ?? nothing, now.get(path) ?? nothing];
    return (['packages', 'bytes'] as const).flatMap((what) => {
      const change = old[what] === 0 ? 0 : ((latest[what] - old[what]) / old[what]) * 100;
      if (Math.abs(change) <= most[what]) return [];
      const percent = `${change > 0 ? '+' : ''}${change.toFixed(1)} %`;
      return [{ subject: path, message: `had ${old[what]} ${what} and has ${latest[what]} (${percent})` }];
    });
  });
}

/** A bundle and its packages. */
interface Listing {
  readonly bundle: Bundle;
  readonly packages: readonly BundlePackage[];
}

interface Size {
  readonly packages: number;
  readonly bytes: number;
}

const nothing: Size = { packages: 0, bytes: 0 };

function sizes(packages: readonly BundlePackage[]): ReadonlyMap<string, Size> {
  const found = new Map<string, Size>();
  for (const { repository, listed } of packages) {
    const known = found.get(repository.path) ?? nothing;
    found.set(repository.path, { packages: known.packages + 1, bytes: known.bytes + listed.size });
  }
  return found;
}
