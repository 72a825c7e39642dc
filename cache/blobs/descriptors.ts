import type { Clock } from '../../base/clock.ts';
import type { Disk, ReadableFile } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';

/** Milliseconds for which an open file is taken to be the one that has its name, unchanged. */
const trustedFor = 1_000;

/** An open file with the number of those who read it. */
interface Descriptor {
  readonly file: ReadableFile;
  /** Monotonic: when its name was last seen to lead to it. */
  seen: number;
  readers: number;
  evicted: boolean;
}

/** A file to read from, until released. */
export interface Lease {
  readonly file: ReadableFile;
  release(): void;
}

/**
 * Keeps blobs open between requests. Blobs are immutable, but people and repairs are not kept from changing them: about
 * once a second the name is looked at again, and what was removed, replaced or edited is opened anew.
 */
export class Descriptors {
  readonly #max: number;
  readonly #disk: Disk;
  readonly #clock: Clock;
  /** In order of use: the first was used least recently. */
  readonly #files = new Map<string, Descriptor>();

  constructor(options: { max: number; disk: Disk; clock: Clock }) {
    this.#max = options.max;
    this.#disk = options.disk;
    this.#clock = options.clock;
  }

  /** @returns null when there is no such file. */
  async lease(path: string): Promise<Lease | null> {
    const known = this.#files.get(path);
    // Forgotten while it was looked at, it may be closed by now.
    if (known !== undefined && (await this.#unchanged(path, known)) && !known.evicted) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return this.#leaseOf(known);
    }
    const file = await this.#disk.openRead(path);
    if (file === null) return null;
    const raced = this.#files.get(path);
    if (raced !== undefined) {
      await file.close();
      return this.#leaseOf(raced);
    }
    const descriptor: Descriptor = { file, seen: this.#clock.monotonic(), readers: 0, evicted: false };
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

  /** Whether somebody reads it now. */
  reading(path: string): boolean {
    return (this.#files.get(path)?.readers ?? 0) > 0;
  }

  close(): void {
    for (const path of this.#files.keys()) this.forget(path);
  }

  async #unchanged(path: string, descriptor: Descriptor): Promise<boolean> {
    const now = this.#clock.monotonic();
    if (now - descriptor.seen < trustedFor) return true;
    const facts = await this.#disk.facts(path);
    if (facts !== null && isSame(facts, descriptor.file)) {
      descriptor.seen = now;
      return true;
    }
    if (this.#files.get(path) === descriptor) this.forget(path);
    return false;
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

/** A rename or another link changes `changed`, which says nothing of the content. */
function isSame(one: FileFacts, other: FileFacts): boolean {
  return one.size === other.size && one.modified === other.modified;
}
