import type { Digest, Listed } from '../../base/digest.ts';
import { rootHref } from '../../base/generation.ts';
import { isSnapshotName } from '../../protocol/snapshot.ts';
import type { SnapshotDocument, SnapshotRepository } from '../../protocol/snapshot.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { OriginDocuments, OriginsDocument, OriginSource } from './origins.ts';
import { scopeOfFile } from './origins.ts';
import type { StoreMaps } from './store-maps.ts';

/** A file that a snapshot lists. */
export interface ListedFile {
  readonly digest: Digest;
  /** Bytes; null: it is listed by its digest alone. */
  readonly size: number | null;
  readonly href: string;
  /** In which the store has it, or is to have it. */
  readonly scope: string;
  /** Of its repository, as the source has it. */
  readonly path: string;
  /** Who has it; null: nobody is asked. */
  readonly source: OriginSource | null;
}

interface Known {
  readonly snapshot: SnapshotDocument;
  readonly origins: OriginsDocument;
}

/** A snapshot that was read is not read again for so long; one that was retired is known as long. Milliseconds. */
const fresh = 5_000;
const most = 32;

/** Finds files by what PoPs say of them: they are listed there, or nothing is opened for them. */
export class ListedFiles {
  readonly #snapshots: Snapshots;
  readonly #origins: OriginDocuments;
  readonly #maps: StoreMaps;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly known: Promise<Known | null>; readonly read: number }>();

  /** @param options `now` in milliseconds, of a clock that does not go back. */
  constructor(options: { snapshots: Snapshots; origins: OriginDocuments; maps: StoreMaps; now: () => number }) {
    this.#snapshots = options.snapshots;
    this.#origins = options.origins;
    this.#maps = options.maps;
    this.#now = options.now;
  }

  /** null: there is no such snapshot or path, or what it lists there is nothing or another file. */
  async find(
    at: { readonly snapshot: string; readonly path: string; readonly href: string },
    digest: Digest,
  ): Promise<ListedFile | null> {
    const known = isSnapshotName(at.snapshot) ? await this.#read(at.snapshot) : null;
    if (known === null || !Object.hasOwn(known.snapshot.repositories, at.path)) return null;
    const repository = known.snapshot.repositories[at.path];
    const origin = known.origins.repositories[at.path];
    if (repository === undefined || origin === undefined) return null;
    const listed = await this.#listed(repository, at.href);
    if (listed?.digest !== digest) return null;
    const source = origin.source === null ? null : (known.origins.sources[origin.source] ?? null);
    return { ...listed, href: at.href, scope: scopeOfFile(origin, listed), path: origin.path, source };
  }

  async #listed(
    repository: SnapshotRepository,
    href: string,
  ): Promise<(Omit<Listed, 'size'> & { readonly size: number | null }) | null> {
    const { repomd, asc, key, treeinfo, records, tree, map } = repository;
    const fixed: Readonly<Record<string, Listed | null>> = {
      [rootHref(repository)]: repomd,
      'repodata/repomd.xml.asc': asc,
      'repodata/repomd.xml.key': key,
      '.treeinfo': treeinfo,
    };
    if (Object.hasOwn(fixed, href)) return fixed[href] ?? null;
    if (Object.hasOwn(records, href)) return records[href] ?? null;
    const found = map === null ? null : await (await this.#maps.get(map))?.find(href);
    if (found !== null && found !== undefined) return found;
    const digest = Object.hasOwn(tree?.files ?? {}, href) ? tree?.files[href] : undefined;
    return digest === undefined ? null : { digest, size: null };
  }

  #read(name: string): Promise<Known | null> {
    const now = this.#now();
    const last = this.#known.get(name);
    if (last !== undefined && now - last.read < fresh) return last.known;
    const known = this.#find(name);
    this.#known.delete(name);
    this.#known.set(name, { known, read: now });
    known.catch(() => this.#known.delete(name));
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= most) break;
      this.#known.delete(oldest);
    }
    return known;
  }

  async #find(name: string): Promise<Known | null> {
    const snapshot = await this.#snapshots.find(name);
    return snapshot === null ? null : { snapshot, origins: await this.#origins.of(snapshot) };
  }
}
