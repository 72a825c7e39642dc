import type { ReadableFile } from '../disk/disk.ts';

/** An open file with the number of those who read it. */
interface Descriptor {
  readonly file: ReadableFile;
  readers: number;
  evicted: boolean;
}

/** A file to read from, until released. */
export interface Lease {
  readonly file: ReadableFile;
  release(): void;
}

/** Keeps blobs open between requests: blobs are immutable, so an open descriptor never goes out of date. */
export class Descriptors {
  readonly #max: number;
  readonly #open: (path: string) => Promise<ReadableFile | null>;
  /** In order of use: the first was used least recently. */
  readonly #files = new Map<string, Descriptor>();

  constructor(options: { max: number; open: (path: string) => Promise<ReadableFile | null> }) {
    this.#max = options.max;
    this.#open = options.open;
  }

  /** @returns null when there is no such file. */
  async lease(path: string): Promise<Lease | null> {
    const known = this.#files.get(path);
    if (known !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return this.#leaseOf(known);
    }
    const file = await this.#open(path);
    if (file === null) return null;
    const raced = this.#files.get(path);
    if (raced !== undefined) {
      await file.close();
      return this.#leaseOf(raced);
    }
    const descriptor: Descriptor = { file, readers: 0, evicted: false };
    this.#files.set(path, descriptor);
    const lease = this.#leaseOf(descriptor);
    this.#shrink();
    return lease;
  }

  /** The file was moved or removed: the next lease opens it anew. */
  forget(path: string): void {
    const descriptor = this.#files.get(path);
    if (descriptor === undefined) return;
    this.#files.delete(path);
    this.#evict(descriptor);
  }

  close(): void {
    for (const path of this.#files.keys()) this.forget(path);
  }

  #leaseOf(descriptor: Descriptor): Lease {
    descriptor.readers += 1;
    let released = false;
    return {
      file: descriptor.file,
      release: () => {
        if (released) return;
        released = true;
        descriptor.readers -= 1;
        if (descriptor.evicted && descriptor.readers === 0) void descriptor.file.close().catch(() => {});
      },
    };
  }

  #shrink(): void {
    for (const path of this.#files.keys()) {
      if (this.#files.size <= this.#max) return;
      this.forget(path);
    }
  }

  #evict(descriptor: Descriptor): void {
    descriptor.evicted = true;
    if (descriptor.readers === 0) void descriptor.file.close().catch(() => {});
  }
}
