import type { Listed } from '../../base/digest.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { BlobIndex } from './blob-index.ts';

/**
 * Files that have several names among the blobs: of several scopes, or by several algorithms. Each takes its room once.
 * How many names are left tells the file system, and only to somebody who is alone: names of held files are given and
 * taken one after the other.
 */
export class SeveralNames {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #index: BlobIndex;
  #last: Promise<unknown> = Promise.resolve();
  /**
   * A name was removed by other hands, of which nobody knows whether it was the last of its file; or one was left that
   * the next start removes. All are counted again then.
   */
  inexact = false;

  constructor(disk: Disk, layout: Layout, index: BlobIndex) {
    this.#disk = disk;
    this.#layout = layout;
    this.#index = index;
  }

  /** Does what gives a held file a name or takes one, while nobody else does. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /**
   * How many other names among the blobs the file of this name has; asked by who is alone. One that is known to have no
   * others may have names elsewhere, which take no room of ours. @throws the disk's error.
   */
  async others(scope: string, listed: Listed): Promise<number> {
    if (!this.#index.isLinked(scope, listed.digest)) return 0;
    const facts = await this.#disk.facts(this.#layout.blob(scope, listed));
    return facts === null ? this.gone() : facts.links - 1;
  }

  /** One of several names is not there any more: its file is taken to have others, until all are counted again. */
  gone(): 1 {
    this.inexact = true;
    return 1;
  }
}
