import type { PackageEntry } from '../base/package-entry.ts';
import type { Nevra } from './nevra.ts';
import type { PackageWriter } from './package-fields.ts';
import { compareEvr } from './rpm-version.ts';
import type { Evr } from './rpm-version.ts';

/** Packages of one name and architecture that are equally new. */
interface Version {
  readonly evr: Evr;
  readonly hrefs: string[];
}

/**
 * Takes the packages of one primary in any order and keeps the newest of them: so many versions of each name.arch, and
 * of a modular package so many in each stream that has it. All packages of equal versions are kept, so what is chosen
 * does not depend on the order. Source packages are of the architecture `src`.
 */
export class NewestPackages implements PackageWriter {
  readonly #versions: number;
  readonly #streamsOf: (nevra: Nevra) => readonly string[];
  /** Newest first in each. */
  readonly #groups = new Map<string, Version[]>();

  /**
   * @param versions at least 1.
   * @param streamsOf the module streams that a package belongs to; none: it is not modular.
   */
  constructor(versions: number, streamsOf: (nevra: Nevra) => readonly string[]) {
    this.#versions = versions;
    this.#streamsOf = streamsOf;
  }

  add(entry: PackageEntry): void {
    const streams = this.#streamsOf(entry);
    for (const stream of streams.length === 0 ? [''] : streams)
      this.#addTo(`${stream}\n${entry.name}\n${entry.arch}`, entry);
  }

  /** Nobody may be served these. */
  unservable(): void {}

  /** The hrefs of the packages that were chosen. */
  hrefs(): ReadonlySet<string> {
    const chosen = new Set<string>();
    for (const group of this.#groups.values()) {
      for (const { hrefs } of group) for (const href of hrefs) chosen.add(href);
    }
    return chosen;
  }

  #addTo(key: string, entry: PackageEntry): void {
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, [versionOf(entry)]);
      return;
    }
    let low = 0;
    let high = group.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const version = group[middle];
      const order = version === undefined ? 0 : compareEvr(version.evr, entry);
      if (order === 0) {
        version?.hrefs.push(entry.href);
        return;
      }
      if (order > 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.#versions) return;
    group.splice(low, 0, versionOf(entry));
    if (group.length > this.#versions) group.pop();
  }
}

/** Without what the entry has beside these: most entries are not kept. */
function versionOf({ href, epoch, version, release }: PackageEntry): Version {
  return { evr: { epoch, version, release }, hrefs: [href] };
}
