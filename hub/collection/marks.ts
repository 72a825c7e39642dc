import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { SnapshotDocument, SnapshotRepository } from '../../protocol/snapshot.ts';
import { FileSet } from '../../runs/file-set.ts';
import { scopeOfFile } from '../content/origins.ts';
import type { Origin, OriginsDocument } from '../content/origins.ts';
import { ownerOf } from '../content/possession.ts';
import type { KeyedFile } from '../store/file-keys.ts';

/** Where package maps are read. */
interface Maps {
  get(primary: Digest): Promise<{ entries(): AsyncIterable<{ readonly listed: Listed }> } | null>;
}

/** What snapshots refer to, for millions of files: some 20 bytes each. That a file is taken for another only keeps it. */
export class Marks {
  readonly #maps: Maps;
  readonly #files = new FileSet();
  /** Digests of those that are somebody's alone. */
  readonly #digests = new FileSet();
  readonly #primaries = new Set<Digest>();
  /** Maps that were gone through, with whose they are: weekly snapshots have most of them in common. */
  readonly #seen = new Set<string>();

  constructor(maps: Maps) {
    this.#maps = maps;
  }

  get files(): number {
    return this.#files.size;
  }

  /**
   * Marks all that a snapshot names.
   * @param turn called now and then; what it throws ends the work.
   * @throws WaystationError `blob_damaged` when a package map is lost: then nobody knows what may go.
   */
  async add(
    { name, repositories }: SnapshotDocument,
    origins: OriginsDocument,
    turn: () => Promise<void>,
  ): Promise<void> {
    for (const [path, repository] of Object.entries(repositories)) {
      const origin = origins.repositories[path] ?? { scope: 'open', path };
      this.#metadata(repository, origin);
      const { map } = repository;
      if (map === null) continue;
      this.#primaries.add(map);
      const key = `${map} ${origin.scope} ${origin.path}`;
      if (this.#seen.has(key)) continue;
      await turn();
      const packages = await this.#maps.get(map);
      if (packages === null)
        throw new WaystationError('blob_damaged', `the package map of ${path} in ${name} is lost: make ${name} again`);
      for await (const { listed } of packages.entries()) this.#mark(origin, listed);
      this.#seen.add(key);
    }
  }

  has({ owner, digest }: KeyedFile): boolean {
    return this.#files.has(owner, digest);
  }

  /** Whether any file of this digest is marked, whosever it is. */
  hasDigest(digest: Digest): boolean {
    return this.#files.has('', digest) || this.#digests.has('', digest);
  }

  hasMap(primary: Digest): boolean {
    return this.#primaries.has(primary);
  }

  #metadata(
    { repomd, asc, key, treeinfo, records, tree }: SnapshotRepository,
    origin: Pick<Origin, 'scope' | 'path'>,
  ): void {
    for (const listed of [repomd, asc, key, treeinfo, ...Object.values(records)])
      if (listed !== null) this.#mark(origin, listed);
    for (const digest of Object.values(tree?.files ?? {})) this.#mark(origin, { digest });
  }

  #mark(origin: Pick<Origin, 'scope' | 'path'>, { digest }: Pick<Listed, 'digest'>): void {
    const owner = ownerOf(scopeOfFile(origin, { digest }), digest);
    this.#files.add(owner, digest);
    if (owner !== '') this.#digests.add('', digest);
  }
}
