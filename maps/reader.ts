import { crc32 } from 'node:zlib';
import type { Listed } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Unservable } from '../base/package-entry.ts';
import { diskError } from '../disk/disk.ts';
import type { Disk, ReadableFile } from '../disk/disk.ts';
import { decodeHeader, headerLength, listedOf, viewEntry } from './format.ts';
import type { Header } from './format.ts';

/** A package of a map. */
export interface MapEntry {
  readonly href: string;
  readonly listed: Listed;
}

/** One package map, open. The block index is in memory (about 1 % of the file), the rest is read when asked for. */
export class PackageMap {
  readonly header: Header;
  readonly #path: string;
  readonly #file: ReadableFile;
  readonly #index: Buffer;
  /** Where each block's record begins in the index. */
  readonly #records: Uint32Array;
  #users = 0;
  #closing = false;
  #damaged = false;

  private constructor(path: string, file: ReadableFile, header: Header, index: Buffer) {
    this.#path = path;
    this.#file = file;
    this.header = header;
    this.#index = index;
    this.#records = new Uint32Array(header.blocks);
    let offset = 0;
    for (let block = 0; block < header.blocks; block += 1) {
      this.#records[block] = offset;
      offset += 18 + index.readUInt16LE(offset + 16);
    }
  }

  /** @returns null when there is no map, or none that this version can read: it is made again from its primary. */
  static async open(disk: Disk, path: string): Promise<PackageMap | null> {
    const file = await disk.openRead(path);
    if (file === null) return null;
    try {
      const header = decodeHeader(await readExactly(file, 0, Math.min(headerLength, file.size)));
      if (header !== null && header.unservableOffset + header.unservableLength === file.size) {
        const index = await readExactly(file, header.indexOffset, header.indexLength);
        if (crc32(index) === header.indexChecksum) return new PackageMap(path, file, header, index);
      }
    } catch {
      // Torn or foreign: as if it were not there.
    }
    await file.close();
    return null;
  }

  /** A part of it was found to be other than written: it has to be made again. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** It was closed, as one that another has replaced: whoever held it asks for the map again. */
  get closed(): boolean {
    return this.#closing;
  }

  /** What the metadata lists under this href; null when it does not. @throws WaystationError when the map is damaged. */
  async find(href: string): Promise<Listed | null> {
    const name = Buffer.from(href);
    const number = this.#blockOf(name);
    if (number < 0) return null;
    const block = await this.#block(number);
    for (let offset = 0; offset < block.length;) {
      const view = viewEntry(block, offset);
      const order = block.compare(name, 0, name.length, view.nameStart, view.nameEnd);
      if (order === 0) return listedOf(block, offset, view);
      if (order > 0) return null;
      offset = view.end;
    }
    return null;
  }

  /** Every package by name, from the first at or behind `from`. */
  async *entries(from = ''): AsyncGenerator<MapEntry> {
    for await (const block of this.blocks(from)) for (const entry of block) yield entry;
  }

  /** The same, some dozens at a time: a promise for each of many would cost more than reading them. */
  async *blocks(from = ''): AsyncGenerator<readonly MapEntry[]> {
    const start = Buffer.from(from);
    this.#users += 1;
    try {
      for (let number = Math.max(0, this.#blockOf(start)); number < this.header.blocks; number += 1) {
        const block = await this.#block(number);
        const entries: MapEntry[] = [];
        for (let offset = 0; offset < block.length;) {
          const view = viewEntry(block, offset);
          if (block.compare(start, 0, start.length, view.nameStart, view.nameEnd) >= 0)
            entries.push({
              href: block.toString('utf8', view.nameStart, view.nameEnd),
              listed: listedOf(block, offset, view),
            });
          offset = view.end;
        }
        yield entries;
      }
    } finally {
      this.#users -= 1;
      this.#closeIfIdle();
    }
  }

  /** The packages that cannot be served, by name (at most 10,000). */
  async unservable(): Promise<readonly Unservable[]> {
    const bytes = await this.#read(this.header.unservableOffset, this.header.unservableLength);
    return JSON.parse(bytes.toString()) as Unservable[];
  }

  /** Closes the file once nobody reads from it: who began before goes on to the end. */
  close(): void {
    this.#closing = true;
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#closing && this.#users === 0) void this.#file.close().catch(() => {});
  }

  /** The last block whose first name is not behind `name`; -1 when all are. */
  #blockOf(name: Buffer): number {
    let low = 0;
    let high = this.header.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#records[middle] ?? 0;
      const length = this.#index.readUInt16LE(record + 16);
      if (this.#index.compare(name, 0, name.length, record + 18, record + 18 + length) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  async #block(number: number): Promise<Buffer> {
    const record = this.#records[number] ?? 0;
    const block = await this.#read(Number(this.#index.readBigUInt64LE(record)), this.#index.readUInt32LE(record + 8));
    if (crc32(block) !== this.#index.readUInt32LE(record + 12)) {
      this.#damaged = true;
      throw new WaystationError('blob_damaged', `${this.#path}: block ${number} has another checksum than written`);
    }
    return block;
  }

  async #read(position: number, length: number): Promise<Buffer> {
    this.#users += 1;
    try {
      return await readExactly(this.#file, position, length);
    } catch (error) {
      if (error instanceof WaystationError) this.#damaged = true;
      throw diskError(error, this.#path);
    } finally {
      this.#users -= 1;
      this.#closeIfIdle();
    }
  }
}

async function readExactly(file: ReadableFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = await file.read(buffer.subarray(done), position + done, length - done);
    if (count === 0) throw new WaystationError('blob_damaged', 'a package map ends too early');
    done += count;
  }
  return buffer;
}
