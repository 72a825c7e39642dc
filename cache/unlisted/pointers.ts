import { join } from 'node:path';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import { pointerIn, writeEntry } from './unlisted-entry.ts';
import type { UnlistedEntry } from './unlisted-entry.ts';

/** A pointer on disk. */
export interface Pointer {
  readonly path: string;
  /** null: it says nothing that could be served. */
  readonly entry: UnlistedEntry | null;
}

/** Writes and removes pointers one after the other: two at once would take each other's half-written file away. */
export class Pointers {
  readonly #disk: Disk;
  readonly #layout: Layout;
  #work: Promise<void> = Promise.resolve();

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
  }

  /** Durable when it resolves. @throws WaystationError */
  write(entry: UnlistedEntry): Promise<void> {
    const path = this.#layout.unlistedEntry(entry.repository, entry.file);
    return this.#oneAtATime(path, () => writeEntry(this.#disk, this.#layout, entry));
  }

  /**
   * Removes a pointer; the folder is not synced. Another file of the same repository may be written meanwhile, so the
   * last word is asked for right before.
   * @returns false when it had to stay. @throws WaystationError
   */
  remove(path: string, useless: () => boolean): Promise<boolean> {
    return this.#oneAtATime(path, async () => {
      if (!useless()) return false;
      await this.#disk.unlink(path);
      return true;
    });
  }

  /** Makes removals outlive a power cut. @throws WaystationError */
  sync(): Promise<void> {
    const path = this.#layout.unlisted;
    return this.#oneAtATime(path, () => this.#disk.syncFolder(path));
  }

  /** Every pointer; names that are none are passed over. @throws WaystationError when one cannot be read. */
  async *all(): AsyncGenerator<Pointer> {
    const folder = this.#layout.unlisted;
    const names = await this.#disk.list(folder).catch((error: unknown) => {
      throw diskError(error, folder);
    });
    for (const name of names) {
      if (!/^[0-9a-f]{64}\.json$/.test(name)) continue;
      const path = join(folder, name);
      const bytes = await this.#disk.readFile(path).catch((error: unknown) => {
        throw diskError(error, path);
      });
      if (bytes !== null) yield { path, entry: this.#entryAt(path, bytes) };
    }
  }

  #entryAt(path: string, bytes: Buffer): UnlistedEntry | null {
    const entry = pointerIn(bytes);
    // Under another name it is never looked for.
    return entry !== null && this.#layout.unlistedEntry(entry.repository, entry.file) === path ? entry : null;
  }

  async #oneAtATime<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
    const done = this.#work.then(work);
    this.#work = done.then(
      () => {},
      () => {},
    );
    try {
      return await done;
    } catch (error) {
      throw diskError(error, path);
    }
  }
}
