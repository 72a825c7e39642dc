import type { PackageEntry } from '../base/package-entry.ts';

/** What tells a package from another of its repository, beside its place. */
export type Nevra = Pick<PackageEntry, 'name' | 'epoch' | 'version' | 'release' | 'arch'>;

/** `name-[epoch:]version-release.arch`, without an epoch of 0: as dnf writes it. */
export function nevraText({ name, epoch, version, release, arch }: Nevra): string {
  return `${name}-${epoch === '0' ? '' : `${epoch}:`}${version}-${release}.${arch}`;
}
