import { LRUCache } from 'lru-cache';
import type { SizedSource } from './answer-file.ts';

/** Bytes of a file that is kept in memory as a whole. */
export const smallFile = 1024 * 1024;

/** Milliseconds after which a file is read anew: what was repaired in the store is to be seen. */
const kept = 60_000;

/** A small file, and the head that goes with it: names and values in turns, as `writeHead` takes them fastest. */
export interface SmallFile {
  readonly head: readonly string[];
  readonly body: Buffer;
}

/** Small files that were asked for lately, by names that say what is in them. Bounded by their bytes. */
export class SmallFiles {
  readonly #files: LRUCache<string, SmallFile>;

  /** @param bytes that the files may take. */
  constructor(bytes: number) {
    this.#files = new LRUCache({
      maxSize: bytes,
      maxEntrySize: smallFile + 4096,
      sizeCalculation: ({ body }) => body.length + 1024,
      ttl: kept,
    });
  }

  get(name: string): SmallFile | undefined {
    return this.#files.get(name);
  }

  set(name: string, body: Buffer, headers: Readonly<Record<string, string>>): void {
    const head = Object.entries({ ...headers, 'content-length': String(body.length) }).flat();
    this.#files.set(name, { head, body });
  }
}

/** Bytes in memory, for ranges of them. */
export function inMemory(body: Buffer): SizedSource {
  return {
    size: body.length,
    read: async (buffer, position, length) => body.copy(buffer, 0, position, position + length),
    release: () => {},
  };
}

/** All bytes of a small source. Releases it. */
export async function wholeOf(source: SizedSource): Promise<Buffer> {
  const body = Buffer.allocUnsafeSlow(source.size);
  try {
    for (let at = 0; at < body.length;) at += await source.read(body.subarray(at), at, body.length - at);
    return body;
  } finally {
    source.release();
  }
}
