import { servedPath } from '../../mirror/discovery.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import type { SnapshotDocument, SnapshotRepository } from '../../protocol/snapshot.ts';
import type { Origin, OriginsDocument, OriginSource } from '../content/origins.ts';
import type { SnapshotRun } from './snapshot-run.ts';

/** What a snapshot is made of, as it comes together: its repositories, and where each of them is from. */
export class Gathering {
  readonly repositories: Record<string, SnapshotRepository> = {};
  readonly #policy: SnapshotDocument['policy'];
  readonly #run: SnapshotRun;
  readonly #origins: Record<string, Origin> = {};
  /** By their text: each is remembered once. */
  readonly #sources = new Map<string, { readonly source: OriginSource; readonly place: number }>();

  constructor(policy: SnapshotDocument['policy'], run: SnapshotRun) {
    this.#policy = policy;
    this.#run = run;
  }

  /** A repository that was read. */
  put({ path, scope }: WantedRepository, repository: SnapshotRepository, from: OriginSource): void {
    // What is there as a whole comes from here from now on.
    const source = this.#policy === 'full' ? null : this.#placeOf(from);
    this.#add(path, repository, { scope, path, source });
  }

  /** The repositories of another snapshot, below a prefix. */
  compose(other: SnapshotDocument, origins: OriginsDocument, prefix: string): void {
    for (const [path, repository] of Object.entries(other.repositories)) {
      const { source = null, ...known } = origins.repositories[path] ?? { scope: 'open', path };
      const from = source === null ? undefined : origins.sources[source];
      const place = from === undefined ? null : this.#placeOf(from);
      this.#add(servedPath(prefix, path), repository, { ...known, source: place });
    }
  }

  origins({ name, content }: Pick<SnapshotDocument, 'name' | 'content'>): OriginsDocument {
    const sources = [...this.#sources.values()].map(({ source }) => source);
    return { format: 1, snapshot: name, content, sources, repositories: this.#origins };
  }

  #add(path: string, repository: SnapshotRepository, origin: Origin): void {
    if (this.repositories[path] !== undefined) {
      this.#run.missing(path, 'path_taken', 'two sources bring this path');
      return;
    }
    this.repositories[path] = repository;
    this.#origins[path] = origin;
  }

  #placeOf(source: OriginSource): number {
    const text = JSON.stringify(source);
    const known = this.#sources.get(text) ?? { source, place: this.#sources.size };
    this.#sources.set(text, known);
    return known.place;
  }
}
