import { join } from 'node:path';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { HeldSizes } from '../blobs/held-sizes.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { Generations } from '../generations/generations.ts';
import { pinnedFiles, treeFiles } from '../generations/pinned-files.ts';
import type { Maps } from '../maps.ts';
import { pointerIn } from '../unlisted/unlisted-entry.ts';
import type { BlobName } from './blob-walk.ts';
import type { MappedRepository } from './remake-maps.ts';
import { mergeByHref } from './merge-by-href.ts';
import type { HrefSource } from './merge-by-href.ts';

/** A file that a kept generation lists. */
export interface Reference {
  /** Path of the repository, as served. */
  readonly repository: string;
  /** Possession scope of the repository's bytes: who its upstream is asked as. */
  readonly shared: string;
  /** Relative to the repository. */
  readonly href: string;
  readonly blob: BlobName;
  /** Named by the generation document itself, which is of no use without it; not by the package map. */
  readonly pinned: boolean;
}

/** Part of what is listed: a repository, a folder of it, or one file. */
export interface Part {
  readonly subscription: string;
  readonly repository: string;
  /** Hrefs begin with it; empty for all. A folder ends with a slash. */
  readonly below: string;
  /** `below` is the whole href. */
  readonly exact: boolean;
}

/** What is wrong with a repository's own lists. */
export interface Unlistable {
  readonly repository: string;
  readonly error: WaystationError;
}

/** Who refers to blobs: every kept generation of every subscription. */
export class References {
  readonly #generations: Generations;
  readonly #maps: Maps;
  readonly #sizes: HeldSizes;
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #lost: (repository: MappedRepository) => void;

  /** @param options `lost` is told whose package map is damaged or lost. */
  constructor(options: {
    generations: Generations;
    maps: Maps;
    sizes: HeldSizes;
    disk: Disk;
    layout: Layout;
    lost: (repository: MappedRepository) => void;
  }) {
    this.#generations = options.generations;
    this.#maps = options.maps;
    this.#sizes = options.sizes;
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#lost = options.lost;
  }

  subscriptions(): readonly string[] {
    return this.#generations.subscriptions();
  }

  /** The repositories of a subscription's kept generations, by path. */
  repositories(subscription: string): readonly string[] {
    const kept = this.#generations.kept(subscription);
    return [...new Set(kept.flatMap(({ repositories }) => Object.keys(repositories)))].toSorted();
  }

  /**
   * Every file that a part has in any kept generation. One that several generations list under the same name comes once;
   * files of a tree only while they are held, since nothing else knows how long they are.
   * @param unlistable told of a package map that is damaged or lost; its other packages are left out.
   */
  async *files(part: Part, unlistable: (found: Unlistable) => void): AsyncGenerator<Reference> {
    const { subscription, repository, below, exact } = part;
    const wanted = (href: string): boolean => (exact ? href === below : href.startsWith(below));
    const documents = this.#documents(subscription, repository);
    const seen = new Set<string>();
    for (const document of documents) {
      for (const [href, listed] of pinnedFiles(document)) {
        const reference = referenceTo(repository, document, { href, listed, pinned: true });
        const key = `${reference.blob.scope} ${listed.digest} ${href}`;
        if (wanted(href) && !seen.has(key)) yield reference;
        seen.add(key);
      }
      for (const [href, digest] of treeFiles(document)) {
        const scope = possessionScope(document.scope, repository, { digest });
        const key = `${scope} ${digest} ${href}`;
        if (!wanted(href) || seen.has(key)) continue;
        seen.add(key);
        const size = await this.#sizes.of(scope, digest);
        if (size !== null) yield referenceTo(repository, document, { href, listed: { digest, size }, pinned: false });
      }
    }
    const sources: HrefSource<RepositoryDocument>[] = [];
    const maps = new Set<string>();
    for (const document of documents) {
      const key = `${document.map} ${document.scope}`;
      if (document.map !== null && !maps.has(key)) {
        sources.push({ of: document, entries: this.#packages(document, part, unlistable) });
      }
      maps.add(key);
    }
    for (const sameScope of Map.groupBy(sources, ({ of }) => of.scope).values()) {
      for await (const { of: document, entry } of mergeByHref(sameScope)) {
        if (wanted(entry.href)) yield referenceTo(repository, document, { ...entry, pinned: false });
      }
    }
  }

  /**
   * Who lists these blobs, each repository once, by one way through everything that is listed.
   * @returns in the order of the subscriptions; nothing for a blob that nobody lists.
   */
  async find(blobs: readonly BlobName[], signal: AbortSignal): Promise<ReadonlyMap<BlobName, readonly Reference[]>> {
    const byDigest = Map.groupBy(blobs, ({ listed }) => listed.digest);
    const found = new Map<BlobName, Reference[]>();
    for (const subscription of this.subscriptions()) {
      for (const repository of this.repositories(subscription)) {
        const whole = { subscription, repository, below: '', exact: false };
        // A list that cannot be read names nothing: whoever asks for its repository is told.
        for await (const reference of this.files(whole, () => {})) {
          signal.throwIfAborted();
          for (const blob of byDigest.get(reference.blob.listed.digest) ?? []) {
            if (blob.scope === reference.blob.scope && blob.listed.size === reference.blob.listed.size) {
              found.set(blob, [...(found.get(blob) ?? []), reference]);
            }
          }
        }
      }
    }
    return found;
  }

  /** The request paths, below /content/, of unlisted files whose pointers lead to these blobs. */
  async pointers(blobs: readonly BlobName[]): Promise<ReadonlyMap<BlobName, string>> {
    const found = new Map<BlobName, string>();
    if (blobs.length === 0) return found;
    const byDigest = Map.groupBy(blobs, ({ listed }) => listed.digest);
    for (const name of await this.#disk.list(this.#layout.unlisted).catch(() => [])) {
      const bytes = await this.#disk.readFile(join(this.#layout.unlisted, name)).catch(() => null);
      const entry = bytes === null ? null : pointerIn(bytes);
      for (const blob of entry === null ? [] : (byDigest.get(entry.digest) ?? [])) {
        if (entry?.scope === blob.scope) found.set(blob, `${entry.repository}/${entry.file}`);
      }
    }
    return found;
  }

  #documents(subscription: string, repository: string): readonly RepositoryDocument[] {
    return this.#generations
      .kept(subscription)
      .flatMap(({ repositories }) => (Object.hasOwn(repositories, repository) ? (repositories[repository] ?? []) : []));
  }

  async *#packages(
    document: RepositoryDocument,
    { repository, below }: Part,
    unlistable: (found: Unlistable) => void,
  ): AsyncGenerator<{ href: string; listed: Listed }> {
    try {
      const map = document.map === null ? null : await this.#maps.get(document.map);
      if (map === null) {
        throw new WaystationError('blob_damaged', `the package map of ${document.map} is damaged or lost`);
      }
      for await (const entry of map.entries(below)) {
        if (!entry.href.startsWith(below)) return;
        yield entry;
      }
    } catch (thrown) {
      this.#lost({ path: repository, document });
      unlistable({ repository, error: asWaystationError(thrown) });
    }
  }
}

function referenceTo(
  repository: string,
  document: RepositoryDocument,
  { href, listed, pinned }: { href: string; listed: Listed; pinned: boolean },
): Reference {
  const blob = { scope: possessionScope(document.scope, repository, listed), listed };
  return { repository, shared: document.scope, href, blob, pinned };
}
