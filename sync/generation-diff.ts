import type { GenerationDocument, RepositoryDocument } from '../base/generation.ts';
import { RepositoryComparison } from '../mirror/repository-diff.ts';
import type { MetadataReader, RepositoryDiff, RepositoryState } from '../mirror/repository-diff.ts';

export interface GenerationDiff {
  readonly from: GenerationName;
  readonly to: GenerationName;
  /** Of every repository that either of the two has. */
  readonly paths: readonly string[];
  /** Those that were compared. */
  readonly repositories: readonly RepositoryDiff[];
}

interface GenerationName {
  readonly id: string;
  readonly subscription: string;
  readonly created: string;
}

/**
 * Compares generations by the metadata that is held, one comparison at a time: it takes a core for as long as it lasts.
 */
export class GenerationComparison {
  readonly #repositories: RepositoryComparison;
  #work: Promise<unknown> = Promise.resolve();

  constructor(reader: MetadataReader) {
    this.#repositories = new RepositoryComparison(reader);
  }

  /** @param path null: every repository of the two, by path. Never rejects for what cannot be read: that is in it. */
  compare(from: GenerationDocument, to: GenerationDocument, path: string | null): Promise<GenerationDiff> {
    const done = this.#work.then(() => this.#compare(from, to, path));
    this.#work = done.catch(() => {});
    return done;
  }

  async #compare(from: GenerationDocument, to: GenerationDocument, path: string | null): Promise<GenerationDiff> {
    const all = new Set([...Object.keys(from.repositories), ...Object.keys(to.repositories)]);
    const paths = [...all].toSorted();
    const repositories: RepositoryDiff[] = [];
    for (const each of paths) {
      if (path !== null && each !== path) continue;
      const [before, after] = [stateOf(each, from.repositories[each]), stateOf(each, to.repositories[each])];
      repositories.push(await this.#repositories.compare(each, before, after));
    }
    return { from: nameOf(from), to: nameOf(to), paths, repositories };
  }
}

function stateOf(path: string, document: RepositoryDocument | undefined): RepositoryState | null {
  return document === undefined ? null : { ...document, path };
}

function nameOf({ id, subscription, created }: GenerationDocument): GenerationName {
  return { id, subscription, created };
}
