import type { Digest } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Marks } from '../blobs/marks.ts';
import { pinnedFiles, treeFiles } from '../generations/pinned-files.ts';
import type { Maps } from '../maps.ts';
import type { MappedRepository } from './remake-maps.ts';
import type { HeldPackages, Newest } from './rules.ts';

/** Packages after which the signal is looked at. */
const packagesPerLook = 1_000;

/** Marks what documents refer to, and tells what it could not see. */
export class Marking {
  readonly #marks: Marks;
  readonly #maps: Maps;
  readonly #signal: AbortSignal;
  readonly #lost: (repository: MappedRepository) => void;
  readonly #walked = new Set<string>();
  readonly #unknown = new Set<string>();
  /** Paths of all repositories seen. */
  readonly repositories = new Set<string>();
  /** Maps that documents name. */
  readonly maps = new Set<Digest>();
  /** Everything that is to be protected was seen. */
  protectedAll = true;

  /** @param lost told of a repository whose map is missing or damaged. */
  constructor(parts: { marks: Marks; maps: Maps; lost: (repository: MappedRepository) => void }, signal: AbortSignal) {
    this.#marks = parts.marks;
    this.#maps = parts.maps;
    this.#lost = parts.lost;
    this.#signal = signal;
  }

  /** @param holds which of its packages must not be evicted, and with any of them its tree; its metadata never is. */
  async repository(path: string, document: RepositoryDocument, holds: HeldPackages): Promise<void> {
    const { scope, map } = document;
    this.repositories.add(path);
    for (const [, listed] of pinnedFiles(document)) {
      this.#marks.mark(possessionScope(scope, path, listed), listed.digest, true);
    }
    for (const [, digest] of treeFiles(document)) {
      this.#marks.mark(possessionScope(scope, path, { digest }), digest, holds !== 'none');
    }
    if (map === null) return;
    this.maps.add(map);
    await this.#whole(path, { ...document, map }, holds === 'all');
    if (typeof holds === 'object') await this.#newest(path, document, holds);
  }

  async #whole(path: string, document: RepositoryDocument & { readonly map: Digest }, full: boolean): Promise<void> {
    const { scope, map } = document;
    const way = `${scope}\n${path}\n${map}`;
    if (this.#walked.has(`${way}\nfull`) || (!full && this.#walked.has(way))) return;
    if (await this.#packages(path, { scope, map }, full)) {
      this.#walked.add(full ? `${way}\nfull` : way);
      return;
    }
    this.#unknown.add(scope);
    this.#lost({ path, document });
    if (full) this.protectedAll = false;
  }

  /** Those are packages of the whole map: nothing but their protection is new. */
  async #newest(path: string, document: RepositoryDocument, newest: Newest): Promise<void> {
    const { scope } = document;
    const { map } = newest;
    this.maps.add(map);
    const way = `${scope}\n${path}\n${map}\nfull`;
    if (this.#walked.has(way)) return;
    if (await this.#packages(path, { scope, map }, true)) {
      this.#walked.add(way);
      return;
    }
    this.#lost({ path, document, newest });
    this.protectedAll = false;
  }

  /** Some map could not be read that may list packages of this scope: which of its blobs are garbage is not known. */
  isUnknown(scope: string): boolean {
    return [...this.#unknown].some((unknown) => scope === unknown || scope.startsWith(`${unknown}-only-`));
  }

  /** @returns false when the map is missing or damaged. */
  async #packages(path: string, { scope, map: name }: { scope: string; map: Digest }, full: boolean): Promise<boolean> {
    try {
      const map = await this.#maps.get(name);
      if (map === null) return false;
      let seen = 0;
      for await (const { listed } of map.entries()) {
        this.#marks.mark(possessionScope(scope, path, listed), listed.digest, full);
        seen += 1;
        if (seen % packagesPerLook === 0) this.#signal.throwIfAborted();
      }
      return true;
    } catch {
      this.#signal.throwIfAborted();
      return false;
    }
  }
}
