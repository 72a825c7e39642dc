import type { Digest } from '../base/digest.ts';
import type { PackageEntry } from '../base/package-entry.ts';
import { nevraText } from '../yum/nevra.ts';
import { compareEvr } from '../yum/rpm-version.ts';
import type { Evr } from '../yum/rpm-version.ts';

/** How the packages of one repository differ between two generations. Each list by name, version, architecture. */
export interface PackageChanges {
  /** NEVRAs, `name-[epoch:]version-release.arch`, of which no version was there before. */
  readonly added: readonly string[];
  /** NEVRAs of which no version is there any more. */
  readonly removed: readonly string[];
  /** Of one name and architecture other versions: those that went, those that came. */
  readonly changed: readonly {
    readonly name: string;
    readonly arch: string;
    readonly from: readonly string[];
    readonly to: readonly string[];
  }[];
  /** NEVRAs whose file is another one: rebuilt or signed anew under the same version. */
  readonly rebuilt: readonly string[];
}

/** One NEVRA that differs, with the digests of its files. */
interface Package extends Evr {
  readonly name: string;
  readonly arch: string;
  readonly digests: Set<Digest>;
}

/** Packages of one side, by NEVRA. Give it only those that may differ: it keeps them all. */
export class PackageList {
  readonly #packages = new Map<string, Package>();

  add({ name, epoch, version, release, arch, listed }: PackageEntry): void {
    const known: Package = { name, epoch, version, release, arch, digests: new Set() };
    const nevra = nevraText(known);
    const found = this.#packages.get(nevra) ?? known;
    found.digests.add(listed.digest);
    this.#packages.set(nevra, found);
  }

  /** What came, went and changed from this side to the other. */
  changesTo(other: PackageList): PackageChanges {
    const gone = without(this.#packages, other.#packages);
    const come = without(other.#packages, this.#packages);
    const rebuilt = [...this.#packages].filter(([nevra, { digests }]) => {
      const after = other.#packages.get(nevra);
      return after !== undefined && digests.symmetricDifference(after.digests).size > 0;
    });
    const [before, after] = [byNameAndArch(gone), byNameAndArch(come)];
    const isChanged = (one: Package): boolean => before.has(keyOf(one)) && after.has(keyOf(one));
    const changed = [...before].flatMap(([key, [first, ...more]]) => {
      const to = after.get(key);
      if (first === undefined || to === undefined) return [];
      const { name, arch } = first;
      return [{ name, arch, from: [first, ...more].map(evrOf), to: to.map(evrOf) }];
    });
    const names = (list: readonly Package[]): readonly string[] => list.filter((one) => !isChanged(one)).map(nevraText);
    return {
      added: names(come),
      removed: names(gone),
      changed,
      rebuilt: rebuilt
        .map(([, one]) => one)
        .toSorted(inOrder)
        .map(nevraText),
    };
  }
}

function without(these: ReadonlyMap<string, Package>, those: ReadonlyMap<string, Package>): readonly Package[] {
  const left = [...these].filter(([nevra]) => !those.has(nevra)).map(([, one]) => one);
  return left.toSorted(inOrder);
}

function byNameAndArch(list: readonly Package[]): Map<string, Package[]> {
  return Map.groupBy(list, keyOf);
}

function keyOf({ name, arch }: Package): string {
  return `${name}.${arch}`;
}

function inOrder(one: Package, other: Package): number {
  return byText(one.name, other.name) || compareEvr(one, other) || byText(one.arch, other.arch);
}

function byText(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

function evrOf({ epoch, version, release }: Evr): string {
  return `${epoch === '0' ? '' : `${epoch}:`}${version}-${release}`;
}
