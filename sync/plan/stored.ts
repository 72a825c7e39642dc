import type { Digest, Listed } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { PlanRoom } from '../../base/plan.ts';

/** What is stored, as far as plans need to know. Answered from memory. */
export interface Stored {
  /** Resolves when what an earlier process left is counted: before that, less is known than there is. */
  readonly counted: Promise<void>;
  /** Whether this scope has proven to possess the file. */
  holds(scope: string, digest: Digest): boolean;
  /** Whether any scope has. */
  storedElsewhere(digest: Digest): boolean;
  /** Bytes of a file, if any scope has it; null: not known. */
  sizeOf(digest: Digest): number | null;
  /** Whether the file is held and may be evicted. */
  mayBeEvicted(scope: string, digest: Digest): boolean;
  /** The packages of a map. @throws WaystationError when it is lost or damaged. */
  packages(map: Digest): AsyncIterable<{ readonly href: string; readonly listed: Listed }>;
  /**
   * What of a repository's map is not held, and the bytes of all of it, without what is denied; what is held stays for
   * the runs under way.
   */
  need(
    path: string,
    document: RepositoryDocument & { readonly map: Digest },
    denied: (digest: Digest) => boolean,
  ): Promise<{ readonly files: number; readonly bytes: number; readonly listed: number }>;
  /** Whether so many bytes can be stored, `spared` of what may be evicted being counted on. */
  room(needed: number, spared: number): Promise<PlanRoom>;
}
