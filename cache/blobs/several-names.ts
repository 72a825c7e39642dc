import type { Listed } from '../../base/digest.ts';
import { NameCount } from './name-count.ts';
import type { BlobName, NameCountParts } from './name-count.ts';

/** A name that is about to go, or to lead elsewhere. */
export interface Standing {
  /** It has. @returns whether its file's room is free: it has no other name among the blobs. */
  readonly left: () => boolean;
}

/**
 * Files that have several names among the blobs: of several scopes, or by several algorithms. Each takes its room once.
 * How many names are left tells the file system, and only to somebody who is alone: names of held files are given and
 * taken one after the other.
 */
export class SeveralNames {
  readonly #parts: NameCountParts;
  #last: Promise<unknown> = Promise.resolve();
  /** While the names that an earlier run left are counted. */
  #count: NameCount | null = null;
  /**
   * A name was removed by other hands, of which nobody knows whether it was the last of its file; or one was left that
   * the next start removes. All are counted again then.
   */
  inexact = false;

  constructor(parts: NameCountParts) {
    this.#parts = parts;
  }

  /** From here on names are counted beside what is done to them. @param begins as `NameCount` takes it. */
  beginCount(begins: Promise<void> = Promise.resolve()): NameCount {
    this.#count = new NameCount(this.#parts, begins);
    return this.#count;
  }

  /** Nothing is counted any more. @param then done in the same instant, while no name is given or taken. */
  endCount(then: () => void = () => {}): Promise<void> {
    return this.alone(async () => {
      this.#count = null;
      then();
    });
  }

  /** Does what gives a held file a name or takes one, while nobody else does. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Whether this name leads to no file yet, so that it can be given beside others: nobody has to be alone for that. */
  isFirst({ scope, listed }: BlobName): boolean {
    return this.#count === null && !this.#parts.index.has(scope, listed.digest);
  }

  /** A second name of a held file, which a killed run left in another place, could not be removed. */
  leftover(inode: number): void {
    this.#count?.leftover(inode);
    this.inexact = true;
  }

  /** Resolves when this name may be worked on; waited for by who is not alone. */
  ready(path: string): void | Promise<void> {
    return this.#count?.ready(path);
  }

  /** A name is about to go, or to lead elsewhere; told by who is alone. @throws the disk's error. */
  async standing(name: BlobName): Promise<Standing> {
    if (this.#count !== null) return this.#count.standing(name);
    const others = await this.#others(name.scope, name.listed);
    return { left: () => others <= 0 };
  }

  /** A name is about to share its file; told by who is alone. @throws the disk's error. */
  async sharing(name: BlobName): Promise<void> {
    await this.#count?.standing(name);
  }

  /** A file that is held by this name has another one now. */
  given(inode: number, name: BlobName): void {
    this.#count?.given(inode, name);
  }

  /**
   * A held file was removed by other hands: forgets it. Of what was one of several names, or may be, nobody knows what
   * became of the file: it is taken to have others until all are counted again.
   */
  vanished({ scope, listed }: BlobName): void {
    const { index, space } = this.#parts;
    const hadOthers = index.isLinked(scope, listed.digest);
    if (hadOthers || this.#count !== null) this.inexact = true;
    if (index.delete(scope, listed.digest) && !hadOthers) space.adjust(-listed.size);
  }

  /**
   * How many other names among the blobs the file of this name has. One that is known to have no others may have names
   * elsewhere, which take no room of ours.
   */
  async #others(scope: string, listed: Listed): Promise<number> {
    const { disk, layout, index } = this.#parts;
    if (!index.isLinked(scope, listed.digest)) return 0;
    const facts = await disk.facts(layout.blob(scope, listed));
    if (facts === null) this.inexact = true;
    return facts === null ? 1 : facts.links - 1;
  }
}
