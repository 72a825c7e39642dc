import type { Digest } from '../../base/digest.ts';
import type { BlobIndex, IndexedBlob } from './blob-index.ts';
import { flag, heldBack } from './entry-flags.ts';

/**
 * What is known of blobs beyond that they are held: what refers to them, what must not be evicted, and what a sync that
 * has not published yet counts on.
 */
export class Marks {
  readonly #index: BlobIndex;
  #protectionKnown = false;

  constructor(index: BlobIndex) {
    this.#index = index;
  }

  /** Whether a pass has said since start what is protected: before that, nothing may be evicted. */
  get protectionKnown(): boolean {
    return this.#protectionKnown;
  }

  /** Begins a pass: all marks are cleared, and what is added from now on counts as marked. */
  begin(): void {
    this.#index.flagAll((flags) => flags & ~(flag.marked | flag.protectedNext));
  }

  /** @param protect it must not be evicted. */
  mark(scope: string, digest: Digest, protect: boolean): void {
    this.#index.flag(scope, digest, protect ? flag.marked | flag.protectedNext : flag.marked);
  }

  /** Ends a pass that saw everything: from now on that is protected which it protected, and nothing else. */
  end(): void {
    this.#index.flagAll((flags) =>
      (flags & flag.protectedNext) === 0 ? flags & ~flag.protected : flags | flag.protected,
    );
    this.#protectionKnown = true;
  }

  /**
   * What the last pass did not mark, and no sync counts on. The index may change meanwhile. null: others have their turn,
   * also while nothing is found.
   */
  unmarked(): Generator<IndexedBlob | null> {
    return this.#index.blobsInTurns((flags) => (flags & (flag.marked | flag.kept)) === 0);
  }

  /** Protects at once, outside of a pass or beside one. */
  protect(scope: string, digest: Digest): void {
    this.#index.flag(scope, digest, flag.protected | flag.protectedNext | flag.marked);
  }

  /**
   * A sync counts on it: neither evicted nor collected until `releaseRuns`, called after the next `divideRuns`.
   * @returns false when it is not in the index.
   */
  keepForRun(scope: string, digest: Digest): boolean {
    return this.#index.flag(scope, digest, flag.kept | flag.marked);
  }

  /** Between two passes marks tell what was kept since this was last called. */
  divideRuns(): void {
    this.#index.flagAll((flags) => flags & ~flag.marked);
  }

  /**
   * No sync is under way any more that began before `divideRuns`: what was kept before it, and not since, is let go. It
   * may be what a full repository lists, so it is not evicted before a pass has said that it may be.
   */
  releaseRuns(): void {
    this.#index.flagAll((flags) =>
      (flags & (flag.kept | flag.marked)) === flag.kept ? (flags & ~flag.kept) | flag.protected : flags,
    );
  }

  /** Whether nothing refers to it, by all that is known now. */
  isUnmarked(scope: string, digest: Digest): boolean {
    return (this.#index.flagsOf(scope, digest) & (flag.marked | flag.kept)) === 0;
  }

  /** Whether it must not go to make room. */
  isHeldBack(scope: string, digest: Digest): boolean {
    return (this.#index.flagsOf(scope, digest) & heldBack) !== 0;
  }

  /** What a snapshot of a clean stop said of protection is taken over. */
  restored(): void {
    this.#protectionKnown = true;
  }
}
