import { LRUCache } from 'lru-cache';
import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { rootHref } from '../../base/generation.ts';
import type { GenerationDocument, Guard, RepositoryDocument } from '../../base/generation.ts';
import type { Generations } from './generations.ts';
import { pinnedFiles, treeFiles } from './pinned-files.ts';
import type { PackageMap } from '../../maps/reader.ts';
import type { Maps } from '../maps.ts';

/** One repository of one generation. */
export interface ServedRepository {
  readonly path: string;
  readonly generation: GenerationDocument;
  readonly document: RepositoryDocument;
}

/** Where a request path leads: a repository and the file in it. */
export interface Place {
  readonly repository: ServedRepository;
  /** Relative to the repository; empty for the repository itself. */
  readonly file: string;
}

/** What pinned metadata says of a file. */
export type Found =
  | {
      readonly kind: 'listed';
      readonly listed: Listed;
      readonly repository: ServedRepository;
      /** `root`: where clients begin, in metadata or a tree; what it names belongs to it. */
      readonly pinned: 'repomd' | 'root' | 'file';
    }
  /** `.treeinfo` gives it a digest and no size. */
  | { readonly kind: 'tree'; readonly digest: Digest; readonly repository: ServedRepository }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unlisted' };

const signatureFiles = ['repodata/repomd.xml', 'repodata/repomd.xml.asc', 'repodata/repomd.xml.key'];
/** One file under two names: installers ask for either. */
const treeinfoNames = ['.treeinfo', 'treeinfo'];

/** The view that requests meet: the current generation of every subscription, behind it the kept ones. */
export class Served {
  readonly #generations: Generations;
  readonly #maps: Maps;
  readonly #onMapLost: (repository: ServedRepository) => void;
  /** Made with the first lookup: its room is taken at once, which a start would wait for. */
  #lookups: LRUCache<string, Listed | false> | null = null;
  #current: ReadonlyMap<string, ServedRepository> = new Map();
  #guards: ReadonlyMap<string, Guard> = new Map();
  /** Grows with every change of what is served: what was remembered under another epoch is out of date. */
  epoch = 0;

  /** @param onMapLost is told a repository whose map was needed and is not there, or is damaged. */
  constructor(generations: Generations, maps: Maps, onMapLost: (repository: ServedRepository) => void = () => {}) {
    this.#generations = generations;
    this.#maps = maps;
    this.#onMapLost = onMapLost;
    this.refresh();
  }

  /** Takes over what the documents say now. */
  refresh(): void {
    const current = new Map<string, ServedRepository>();
    const guards = new Map<string, Guard>();
    const isBack = (subscription: string): boolean => this.#generations.rolledBackSince(subscription) !== null;
    // A path that went to another subscription stays there when the one that had it goes back.
    const subscriptions = this.#generations
      .subscriptions()
      .toSorted((one, other) => Number(isBack(other)) - Number(isBack(one)));
    for (const subscription of subscriptions) {
      const generation = this.#generations.current(subscription);
      for (const [path, document] of Object.entries(generation?.repositories ?? {})) {
        if (generation !== null) current.set(path, { path, generation, document });
      }
    }
    for (const { path, generation, document } of current.values()) {
      // What its hub guards by now is closed in a generation from before, too.
      const newest = this.#generations.newest(generation.subscription)?.repositories[path];
      const guard = document.guard ?? newest?.guard ?? null;
      if (guard !== null) guards.set(path, guard);
    }
    this.#current = current;
    this.#guards = guards;
    this.epoch += 1;
  }

  /** Every repository that is served, by path. */
  repositories(): readonly ServedRepository[] {
    return [...this.#current.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1));
  }

  repository(path: string): ServedRepository | null {
    return this.#current.get(path) ?? null;
  }

  /** How the content of a path is guarded at its hub, as far as was published; null: it is not. */
  guard(path: string): Guard | null {
    return this.#guards.get(path) ?? null;
  }

  /** The repository that `path` (decoded, no leading slash) lies in: of nested ones the longest. */
  place(path: string): Place | null {
    return longestPrefix(path, (prefix) => this.#current.get(prefix) ?? null);
  }

  /** The same inside one generation. */
  placeIn(generation: GenerationDocument, path: string): Place | null {
    return longestPrefix(path, (prefix) => {
      const document = Object.hasOwn(generation.repositories, prefix) ? generation.repositories[prefix] : undefined;
      return document === undefined ? null : { path: prefix, generation, document };
    });
  }

  /**
   * What the repository's metadata says of `file`; for all but repomd.xml, its signature and key, and .treeinfo, the
   * kept generations of the same subscription are asked as well, newest first: a dnf may hold an older primary.
   * @throws WaystationError `blob_damaged` when a map that would tell cannot be read: that proves no absence.
   */
  async find(place: Place, onlyThisGeneration = false): Promise<Found> {
    const own = await this.#findIn(place.repository, place.file);
    if (own !== null) return own;
    if (signatureFiles.includes(place.file)) return { kind: 'absent' };
    if (treeinfoNames.includes(place.file) && !isOfFiles(place)) return { kind: 'unlisted' };
    for (const generation of onlyThisGeneration
      ? []
      : this.#generations.kept(place.repository.generation.subscription)) {
      const { path } = place.repository;
      const document = Object.hasOwn(generation.repositories, path) ? generation.repositories[path] : undefined;
      if (generation.id === place.repository.generation.id || document === undefined) continue;
      if (place.file === rootHref(document)) continue;
      const found = await this.#findIn({ path, generation, document }, place.file);
      if (found !== null) return found;
    }
    // A manifest says of everything whether it is there.
    const proven =
      (place.file.endsWith('.rpm') && !isOfVariant(place)) || place.file.startsWith('repodata/') || isOfFiles(place);
    return { kind: proven ? 'absent' : 'unlisted' };
  }

  /**
   * The listed files below a folder of a repository, by name, with their bytes (null: nobody knows before they come).
   * @param folder is empty or ends with a slash.
   */
  async *files(repository: ServedRepository, folder: string): AsyncGenerator<{ href: string; size: number | null }> {
    const { document } = repository;
    for (const [href, { size }] of pinnedFiles(document)) if (href.startsWith(folder)) yield { href, size };
    for (const [href] of treeFiles(document)) if (href.startsWith(folder)) yield { href, size: null };
    if (document.map === null) return;
    for await (const { href, listed } of (await this.#map(repository, document.map)).entries(folder)) {
      if (!href.startsWith(folder)) return;
      yield { href, size: listed.size };
    }
  }

  async #findIn(repository: ServedRepository, file: string): Promise<Found | null> {
    const { document } = repository;
    const pinned = pinnedFile(document, file);
    if (pinned !== null) {
      const root = treeinfoNames.includes(file) ? 'root' : 'file';
      const isRepomd = signatureFiles.includes(file) || file === rootHref(document);
      return { kind: 'listed', listed: pinned, repository, pinned: isRepomd ? 'repomd' : root };
    }
    const digest = treeDigest(document, file);
    if (digest !== null) return { kind: 'tree', digest, repository };
    if (document.map === null) return null;
    const key = `${document.map} ${file}`;
    let listed = this.#lookups?.get(key);
    if (listed === undefined) {
      listed = (await this.#lookUp(repository, document.map, file)) ?? false;
      this.#lookups ??= new LRUCache({ max: 20_000 });
      this.#lookups.set(key, listed);
    }
    return listed === false ? null : { kind: 'listed', listed, repository, pinned: 'file' };
  }

  async #lookUp(repository: ServedRepository, primary: Digest, file: string): Promise<Listed | null> {
    const map = await this.#map(repository, primary);
    try {
      return await map.find(file);
    } catch (error) {
      // It was made again between its being had and its being read.
      if (map.closed) return this.#lookUp(repository, primary, file);
      if (map.damaged) this.#onMapLost(repository);
      throw error;
    }
  }

  async #map(repository: ServedRepository, primary: Digest): Promise<PackageMap> {
    const map = await this.#maps.get(primary);
    if (map !== null) return map;
    this.#onMapLost(repository);
    throw new WaystationError(
      'blob_damaged',
      `the package map of ${primary} is damaged or lost; it is made again from its primary, or by the next sync`,
    );
  }
}

function pinnedFile(document: RepositoryDocument, file: string): Listed | null {
  if (file === rootHref(document)) return document.repomd;
  if (file === 'repodata/repomd.xml.asc') return document.asc;
  if (file === 'repodata/repomd.xml.key') return document.key;
  if (treeinfoNames.includes(file)) return document.treeinfo;
  return Object.hasOwn(document.records, file) ? (document.records[file] ?? null) : null;
}

function isOfFiles({ repository }: Place): boolean {
  return repository.document.content === 'file';
}

/** Whether a file is of a repository within this one, as Pulp lays out the variants of a tree: primary is not about it. */
function isOfVariant({ repository, file }: Place): boolean {
  return (repository.document.tree?.variants ?? []).some((variant) =>
    file.startsWith(`${variant.replace(/\/+$/, '')}/`),
  );
}

function treeDigest({ tree }: RepositoryDocument, file: string): Digest | null {
  return tree !== undefined && Object.hasOwn(tree.files, file) ? (tree.files[file] ?? null) : null;
}

function longestPrefix(path: string, find: (prefix: string) => ServedRepository | null): Place | null {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const repository = find(path.slice(0, end));
    if (repository !== null) return { repository, file: path.slice(end + 1) };
  }
  return null;
}
