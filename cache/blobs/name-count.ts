import type { Listed } from '../../base/digest.ts';
import type { Disk } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import type { BlobIndex } from './blob-index.ts';
import { flag } from './entry-flags.ts';
import type { Standing } from './several-names.ts';

/** A name among the blobs. */
export interface BlobName {
  readonly scope: string;
  readonly listed: Listed;
}

/** What the count of an earlier run's blobs reads and writes. */
export interface NameCountParts {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly space: Space;
}

/**
 * The names of an earlier run while they are counted, beside whoever gives and takes names meanwhile. A file takes its
 * room with the first of its names that is met, and gives it back with the last of them: so at every moment what counts
 * as used is right for the names that were met, and in the end for all. Who works on a name has it met first, and from
 * then on the one that counts passes it over: what it listed before may be long gone, or lead elsewhere.
 */
export class NameCount {
  readonly #parts: NameCountParts;
  readonly #begins: Promise<void>;
  #begun = false;
  readonly #wanted = Promise.withResolvers<void>();
  /** Paths that were worked on. */
  readonly #worked = new Set<string>();
  /**
   * By number, files that have, or had, several names: how many were met and are theirs, and the first among the blobs;
   * null: none of those was met.
   */
  readonly #files = new Map<number, { names: number; first: BlobName | null }>();

  /** Files may have names that are none of the blobs'. */
  hasLeftovers = false;

  /** @param begins until it resolves, an earlier process's word may still be taken for the names that it left. */
  constructor(parts: NameCountParts, begins: Promise<void>) {
    this.#parts = parts;
    this.#begins = begins.then(() => {
      this.#begun = true;
    });
  }

  /** Resolves when somebody waits for it to begin. */
  get wanted(): Promise<void> {
    return this.#wanted.promise;
  }

  /** Resolves when a name may be worked on: it is none that an earlier process's word covers. */
  async ready(path: string): Promise<void> {
    if (this.#begun || this.#worked.has(path)) return;
    if ((await this.#parts.disk.facts(path).catch(() => undefined)) === null) return;
    this.#wanted.resolve();
    await this.#begins;
  }

  /** A name was listed that cannot be one of several. */
  listed(path: string, name: BlobName): void {
    if (!this.#worked.has(path)) this.#meet(name, null);
  }

  /** A name was listed that may be one of several. */
  async look(path: string, name: BlobName): Promise<void> {
    if (this.#worked.has(path)) return;
    const facts = await this.#parts.disk.facts(path).catch(() => undefined);
    if (facts !== null && !this.#worked.has(path)) this.#meet(name, facts ?? null);
  }

  /** A name is about to be worked on by who is alone. @throws the disk's error. */
  async standing({ scope, listed }: BlobName): Promise<Standing> {
    const path = this.#parts.layout.blob(scope, listed);
    const facts = await this.#parts.disk.facts(path);
    if (facts !== null && !this.#worked.has(path)) this.#meet({ scope, listed }, facts);
    this.#worked.add(path);
    return { left: () => facts === null || this.#left(facts.inode) };
  }

  /** A name that is none of the blobs' could not be removed: while it is there, the room of its file is not free. */
  leftover(inode: number): void {
    this.hasLeftovers = true;
    const file = this.#files.get(inode);
    if (file === undefined) this.#files.set(inode, { names: 1, first: null });
    else file.names += 1;
  }

  /** A file that was met by a name has another one now. */
  given(inode: number, name: BlobName): void {
    const file = this.#files.get(inode);
    if (file === undefined) this.#files.set(inode, { names: 2, first: name });
    else file.names += 1;
  }

  /** @param facts null: it cannot be one of several. */
  #meet(name: BlobName, facts: FileFacts | null): void {
    const { index, space } = this.#parts;
    const { scope, listed } = name;
    if (index.isConfirmed(scope, listed.digest)) return;
    const file = facts === null ? undefined : this.#files.get(facts.inode);
    const isFirst = file === undefined || file.first === null;
    if (file !== undefined) {
      file.names += 1;
      if (file.first === null) file.first = name;
      else index.flag(file.first.scope, file.first.listed.digest, flag.linked);
    } else if (facts !== null && facts.links > 1) this.#files.set(facts.inode, { names: 1, first: name });
    index.add(scope, listed, { linked: file !== undefined });
    if (isFirst) space.adjust(listed.size);
  }

  /** @returns whether no other name of it that was met is left. */
  #left(inode: number): boolean {
    const file = this.#files.get(inode);
    if (file !== undefined && file.names > 1) {
      file.names -= 1;
      return false;
    }
    // Its number may be another file's from now on.
    this.#files.delete(inode);
    return true;
  }
}
