import { crc32 } from 'node:zlib';
import { algorithmOf, algorithms, hexOf } from '../base/digest.ts';
import type { Digest, Listed } from '../base/digest.ts';

/**
 * The package map: what one primary lists, href → algorithm, digest, size; immutable, sorted by the bytes of href.
 * header · blocks of entries · block index · unservable names. All numbers are little-endian. `docs/on-disk-format.md`
 * has the layout byte by byte; a map of another version is made again from its primary.
 */
export const magic = Buffer.from('WSMAP\x00\x01\n', 'latin1');
export const headerLength = 64;
/** A block is one read; a lookup is a search in the index, which is in memory, and one block. */
export const blockTarget = 4096;
/** Names beyond this many are counted, not kept. */
export const unservableKept = 10_000;

export interface Header {
  readonly packages: number;
  /** Sum of the listed sizes. */
  readonly bytes: number;
  readonly unservable: number;
  readonly blocks: number;
  readonly indexOffset: number;
  readonly indexLength: number;
  /** crc32 of the index: a wrong index would prove absence where there is none. */
  readonly indexChecksum: number;
  readonly unservableOffset: number;
  readonly unservableLength: number;
}

export function encodeHeader(header: Header): Buffer {
  const buffer = Buffer.alloc(headerLength);
  magic.copy(buffer);
  buffer.writeUInt32LE(header.packages, 8);
  buffer.writeUInt32LE(header.unservable, 12);
  buffer.writeBigUInt64LE(BigInt(header.bytes), 16);
  buffer.writeUInt32LE(header.blocks, 24);
  buffer.writeBigUInt64LE(BigInt(header.indexOffset), 32);
  buffer.writeUInt32LE(header.indexLength, 40);
  buffer.writeUInt32LE(header.indexChecksum, 44);
  buffer.writeBigUInt64LE(BigInt(header.unservableOffset), 48);
  buffer.writeUInt32LE(header.unservableLength, 56);
  buffer.writeUInt32LE(crc32(buffer.subarray(0, 60)), 60);
  return buffer;
}

/** @returns null when these are not the first bytes of a map of this version. */
export function decodeHeader(buffer: Buffer): Header | null {
  if (buffer.length < headerLength || !buffer.subarray(0, magic.length).equals(magic)) return null;
  if (crc32(buffer.subarray(0, 60)) !== buffer.readUInt32LE(60)) return null;
  return {
    packages: buffer.readUInt32LE(8),
    unservable: buffer.readUInt32LE(12),
    bytes: Number(buffer.readBigUInt64LE(16)),
    blocks: buffer.readUInt32LE(24),
    indexOffset: Number(buffer.readBigUInt64LE(32)),
    indexLength: buffer.readUInt32LE(40),
    indexChecksum: buffer.readUInt32LE(44),
    unservableOffset: Number(buffer.readBigUInt64LE(48)),
    unservableLength: buffer.readUInt32LE(56),
  };
}

/** Bytes of an entry. */
export function entryLength(href: string, { digest }: Listed): number {
  return 9 + Buffer.byteLength(href) + digestLengths[algorithmOf(digest)];
}

/** u16 length of href · u8 algorithm · u48 size · href · digest, at `offset`: `entryLength` bytes. */
export function writeEntry(buffer: Buffer, offset: number, href: string, { digest, size }: Listed): void {
  const nameLength = buffer.write(href, offset + 9);
  buffer.writeUInt16LE(nameLength, offset);
  buffer.writeUInt8(algorithms.indexOf(algorithmOf(digest)), offset + 2);
  buffer.writeUIntLE(size, offset + 3, 6);
  buffer.write(hexOf(digest), offset + 9 + nameLength, 'hex');
}

const digestLengths = { sha256: 32, sha512: 64, sha384: 48, sha224: 28, sha1: 20, md5: 16 } as const;

/** Where the parts of the entry at `offset` lie. */
export interface EntryView {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly end: number;
}

export function viewEntry(buffer: Buffer, offset: number): EntryView {
  const nameStart = nameStartOf(offset);
  const nameEnd = nameEndOf(buffer, offset);
  const algorithm = algorithms[buffer.readUInt8(offset + 2)] ?? 'sha256';
  return { nameStart, nameEnd, end: nameEnd + digestLengths[algorithm] };
}

export function nameStartOf(offset: number): number {
  return offset + 9;
}

export function nameEndOf(buffer: Buffer, offset: number): number {
  return nameStartOf(offset) + buffer.readUInt16LE(offset);
}

export function listedOf(buffer: Buffer, offset: number, view: EntryView): Listed {
  const algorithm = algorithms[buffer.readUInt8(offset + 2)] ?? 'sha256';
  const digest: Digest = `${algorithm}:${buffer.toString('hex', view.nameEnd, view.end)}`;
  return { digest, size: sizeOf(buffer, offset) };
}

/** Of the package whose entry is at `offset`. */
export function sizeOf(buffer: Buffer, offset: number): number {
  return buffer.readUIntLE(offset + 3, 6);
}
