import type { Digest, Listed } from '../../base/digest.ts';
import type { HeldFiles } from './parts.ts';

/** Maps whose denied files are remembered. */
const mostRemembered = 1_000;

/** Files, and the sum of their sizes. */
export interface FileCount {
  readonly files: number;
  readonly bytes: number;
}

interface Found {
  /** What was denied when it was looked. */
  readonly by: ReadonlySet<Digest>;
  readonly files: readonly Listed[];
}

/** What hubs want not to be served, of what package maps list. */
export class DeniedFiles {
  readonly #denied: () => ReadonlySet<Digest>;
  readonly #packages: HeldFiles['packages'];
  readonly #found = new Map<Digest, Found>();

  /** @param denied as metadata lists them; the same object as long as it says the same. */
  constructor(denied: () => ReadonlySet<Digest>, packages: HeldFiles['packages']) {
    this.#denied = denied;
    this.#packages = packages;
  }

  has({ digest }: Pick<Listed, 'digest'>): boolean {
    return this.#denied().has(digest);
  }

  /** Those of a package map: it is gone through once for each list of what is denied. @throws as `packages`. */
  async of(map: Digest): Promise<readonly Listed[]> {
    const by = this.#denied();
    if (by.size === 0) return [];
    const known = this.#found.get(map);
    if (known?.by === by) return known.files;
    const files: Listed[] = [];
    for await (const { listed } of this.#packages(map)) if (by.has(listed.digest)) files.push(listed);
    if (this.#found.size >= mostRemembered) this.#found.clear();
    this.#found.set(map, { by, files });
    return files;
  }
}

export function countOf(files: readonly Pick<Listed, 'size'>[]): FileCount {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
