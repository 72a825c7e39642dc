import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { PlanRoom } from '../../base/plan.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import type { Claims } from '../blobs/claims.ts';
import { FileSet } from '../../runs/file-set.ts';
import { holdsAllPackages } from '../blobs/holdings.ts';
import type { Marks } from '../blobs/marks.ts';
import type { Maps } from '../maps.ts';
import type { PackageMap } from '../../maps/reader.ts';
import type { Space } from './space.ts';

const packagesPerTurn = 2_000;

export interface StoredFilesParts {
  readonly index: BlobIndex;
  readonly marks: Marks;
  readonly claims: Claims;
  readonly maps: Maps;
  readonly space: Space;
  /** Resolves when what an earlier process left is in the index. */
  readonly counted: () => Promise<void>;
}

/** What of a package map is missing. */
export interface PackageNeed {
  readonly files: number;
  readonly bytes: number;
  /** Bytes of the whole map, without what is denied and not held. */
  readonly listed: number;
}

/** What is stored and what else there is room for, as plans and syncs ask before they fetch much. */
export class StoredFiles {
  readonly #parts: StoredFilesParts;

  constructor(parts: StoredFilesParts) {
    this.#parts = parts;
  }

  get counted(): Promise<void> {
    return this.#parts.counted();
  }

  holds(scope: string, digest: Digest): boolean {
    return this.#parts.index.has(scope, digest);
  }

  storedElsewhere(digest: Digest): boolean {
    return this.#parts.index.scopesOf(digest).length > 0;
  }

  sizeOf(digest: Digest): number | null {
    return this.#parts.index.sizeOf(digest);
  }

  mayBeEvicted(scope: string, digest: Digest): boolean {
    const { index, marks } = this.#parts;
    return index.has(scope, digest) && !marks.isHeldBack(scope, digest);
  }

  async *packages(map: Digest): AsyncGenerator<{ readonly href: string; readonly listed: Listed }> {
    yield* (await this.#map(map)).entries();
  }

  /** Whether every package of a repository is held; those that are stay until the runs that are under way end. */
  holdsAll(path: string, document: RepositoryDocument): Promise<boolean> {
    return holdsAllPackages({ path, document, ...this.#parts });
  }

  /**
   * What of a repository's map is not held; what is denied needs no room. What is held stays for the runs that are under way, so that nothing counts
   * on room that it takes.
   */
  async need(
    path: string,
    document: RepositoryDocument & { readonly map: Digest },
    denied: (digest: Digest) => boolean,
  ): Promise<PackageNeed> {
    const { claims } = this.#parts;
    await this.counted;
    const seen = new FileSet();
    const need = { files: 0, bytes: 0, listed: 0 };
    for await (const { listed } of this.packages(document.map)) {
      const scope = possessionScope(document.scope, path, listed);
      if (!seen.add(scope, listed.digest)) continue;
      const held = claims.claim(scope, listed.digest);
      if (!held && denied(listed.digest)) continue;
      need.listed += listed.size;
      if (!held) {
        need.files += 1;
        need.bytes += listed.size;
      }
      if (seen.size % packagesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return need;
  }

  /**
   * Whether so many bytes can be stored.
   * @param spared bytes of what may be evicted that are counted on all the same.
   */
  async room(needed: number, spared: number): Promise<PlanRoom> {
    const { space, index, marks } = this.#parts;
    await this.counted;
    await space.measure();
    const { used, max, free, keepFree } = space;
    const evictable = marks.protectionKnown
      ? Math.max(0, index.bytes('probation').free + index.bytes('main').free - spared)
      : 0;
    const known = marks.protectionKnown && space.known;
    const fits = known ? space.shortage(needed) <= evictable : space.known && needed > max ? false : null;
    return { needed, evictable, used, max, free, keepFree, fits };
  }

  async #map(name: Digest): Promise<PackageMap> {
    const map = await this.#parts.maps.get(name);
    if (map === null) throw new WaystationError('blob_damaged', `the package map of ${name} is damaged or lost`);
    return map;
  }
}
