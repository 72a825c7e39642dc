import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { PackageEntry, Unservable } from '../base/package-entry.ts';
import type { Disk, WritableFile } from '../disk/disk.ts';
import { blockTarget, encodeHeader, headerLength, sizeOf, unservableKept, viewEntry } from './format.ts';
import { compareNames, SortedEntries } from './sorted-entries.ts';

/** Bytes gathered before a write. */
const writeSize = 256 * 1024;

/** Takes the packages of one primary in any order and writes their map: nothing is visible before it is complete. */
export class PackageMapWriter {
  readonly #entries = new SortedEntries();
  readonly #unservable: Unservable[] = [];
  #unservableCount = 0;

  add(entry: Pick<PackageEntry, 'href' | 'listed'>): void {
    if (Buffer.byteLength(entry.href) > 0xffff) this.unservable({ href: entry.href.slice(0, 200), reason: 'too-long' });
    else this.#entries.add(entry.href, entry.listed);
  }

  unservable(entry: Unservable): void {
    this.#unservableCount += 1;
    if (this.#unservable.length < unservableKept) this.#unservable.push(entry);
  }

  /** Writes to `part`, syncs, renames to `path`, syncs the folder. @throws the disk's error; nothing stays then. */
  async finish(disk: Disk, part: string, path: string): Promise<void> {
    try {
      await disk.unlink(part);
      const file = await disk.openPart(part);
      try {
        await this.#write(file);
        await file.sync();
      } finally {
        await file.close();
      }
      await disk.rename(part, path);
    } catch (error) {
      await disk.unlink(part).catch(() => {});
      throw error;
    }
    await disk.syncFolder(dirname(path));
  }

  async #write(file: WritableFile): Promise<void> {
    const blocks = new BlockWriter(file);
    let packages = 0;
    let bytes = 0;
    for (const entries of this.#withoutDuplicates()) {
      for (const entry of entries) {
        packages += 1;
        bytes += sizeOf(entry, 0);
        blocks.add(entry);
        if (blocks.isFull) await blocks.flush();
      }
      await setImmediate();
    }
    const index = await blocks.end();
    const unservable = Buffer.from(JSON.stringify(this.#unservable));
    await file.write([index, unservable], blocks.position);
    const header = encodeHeader({
      packages,
      bytes,
      unservable: this.#unservableCount,
      blocks: blocks.count,
      indexOffset: blocks.position,
      indexLength: index.length,
      indexChecksum: crc32(index),
      unservableOffset: blocks.position + index.length,
      unservableLength: unservable.length,
    });
    await file.write([header], 0);
  }

  /** One href, one file: equal entries count once, contradicting ones not at all. */
  *#withoutDuplicates(): Generator<readonly Buffer[]> {
    let held: Buffer | null = null;
    let clash = false;
    for (const entries of this.#entries.inOrder()) {
      const kept: Buffer[] = [];
      for (const entry of entries) {
        if (held !== null && compareNames(held, 0, entry, 0) === 0) {
          if (!held.equals(entry)) clash = true;
          continue;
        }
        if (held !== null && !clash) kept.push(held);
        if (held !== null && clash) this.#clash(held);
        held = entry;
        clash = false;
      }
      yield kept;
    }
    if (held === null) return;
    if (clash) this.#clash(held);
    else yield [held];
  }

  #clash(entry: Buffer): void {
    const view = viewEntry(entry, 0);
    this.unservable({ href: entry.toString('utf8', view.nameStart, view.nameEnd), reason: 'duplicate' });
  }
}

/** Cuts entries into blocks and remembers each block's place, checksum and first name. */
class BlockWriter {
  readonly #file: WritableFile;
  readonly #index: Buffer[] = [];
  #block: Buffer[] = [];
  #blockLength = 0;
  #gathered: Buffer[] = [];
  #gatheredLength = 0;
  count = 0;
  /** Where the next byte of the file goes. */
  position = headerLength;

  constructor(file: WritableFile) {
    this.#file = file;
  }

  add(entry: Buffer): void {
    if (this.#blockLength > 0 && this.#blockLength + entry.length > blockTarget) this.#endBlock();
    this.#block.push(entry);
    this.#blockLength += entry.length;
  }

  /** So much was gathered that it should be written now. */
  get isFull(): boolean {
    return this.#gatheredLength >= writeSize;
  }

  /** @returns the block index: u64 offset · u32 length · u32 crc32 · u16 length of name · first name, for each block. */
  async end(): Promise<Buffer> {
    this.#endBlock();
    await this.flush();
    return Buffer.concat(this.#index);
  }

  #endBlock(): void {
    if (this.#blockLength === 0) return;
    const block = Buffer.concat(this.#block, this.#blockLength);
    const { nameStart, nameEnd } = viewEntry(block, 0);
    const first = block.subarray(nameStart, nameEnd);
    const record = Buffer.allocUnsafe(18 + first.length);
    record.writeBigUInt64LE(BigInt(this.position + this.#gatheredLength), 0);
    record.writeUInt32LE(block.length, 8);
    record.writeUInt32LE(crc32(block), 12);
    record.writeUInt16LE(first.length, 16);
    first.copy(record, 18);
    this.#index.push(record);
    this.count += 1;
    this.#gathered.push(block);
    this.#gatheredLength += block.length;
    this.#block = [];
    this.#blockLength = 0;
  }

  async flush(): Promise<void> {
    if (this.#gatheredLength === 0) return;
    await this.#file.write(this.#gathered, this.position);
    this.position += this.#gatheredLength;
    this.#gathered = [];
    this.#gatheredLength = 0;
  }
}
