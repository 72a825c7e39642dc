import { crc32 } from 'node:zlib';
import { WaystationError } from '../../base/errors.ts';
import type { Disk, ReadableFile, WritableFile } from '../../disk/disk.ts';
import { unfinishedSuffix } from '../../disk/disk.ts';
import { queueNames } from './blob-entries.ts';
import type { BlobIndex } from './blob-index.ts';
import { wordsKept } from '../../base/digest.ts';
import { flag } from './entry-flags.ts';
import { newEntry } from './entry-queue.ts';
import type { Entry } from './entry-queue.ts';

/** `docs/on-disk-format.md`: the last but one byte is the version. */
const magic = Buffer.from('WSBLOB\x01\n', 'latin1');
/** Digest, size (low), then size (high), scope and flags, then the time: as `EntryQueue` keeps them. */
const recordLength = wordsKept * 4 + 12;
const headerLength = 40;
/** Records of one read or write: 132 KB, some 5 ms. */
const recordsAtATime = 3_000;

/** What a snapshot says of the whole. */
interface Header {
  readonly counts: readonly [probation: number, main: number];
  /** Bytes of blobs, each file counted once. */
  readonly used: number;
  /** Whether what its flags say of protection is all that is protected. */
  readonly protectionKnown: boolean;
  readonly scopesLength: number;
  /** Of everything behind the header. */
  readonly checksum: number;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a snapshot says beside the entries. */
export type SnapshotFigures = Pick<Header, 'used' | 'protectionKnown'>;

/** Writes the index as it is, durably, in place of the snapshot before. */
export async function writeSnapshot(
  disk: Disk,
  path: string,
  index: BlobIndex,
  figures: SnapshotFigures,
): Promise<void> {
  const temporary = `${path}${unfinishedSuffix}`;
  await disk.unlink(temporary);
  const file = await disk.openPart(temporary);
  try {
    const scopes = Buffer.from(JSON.stringify(index.scopeNames));
    await file.write([scopes], headerLength);
    let position = headerLength + scopes.length;
    let checksum = crc32(scopes);
    const counts: [number, number] = [0, 0];
    for (const [queue, name] of queueNames.entries()) {
      for (const chunk of chunks(index.entries(name))) {
        await file.write([chunk], position);
        position += chunk.length;
        counts[queue] = (counts[queue] ?? 0) + chunk.length / recordLength;
        checksum = crc32(chunk, checksum);
      }
    }
    await file.write([encodeHeader({ ...figures, counts, scopesLength: scopes.length, checksum })], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
}

/**
 * Takes a snapshot over into the index; entries that the index has by now stay as they are. What it says is a hint, until
 * a count confirms it, or all of it is known to be so.
 * @returns null when there is no snapshot.
 * @throws WaystationError `blob_damaged` when it is not whole: nothing was taken over then.
 */
export async function readSnapshot(
  disk: Disk,
  path: string,
  index: BlobIndex,
  signal: AbortSignal,
): Promise<SnapshotFigures | null> {
  const file = await disk.openRead(path);
  if (file === null) return null;
  try {
    const header = await verified(file, path, signal);
    const scopesBytes = await exactly(file, headerLength, header.scopesLength);
    const scopes = JSON.parse(scopesBytes.toString()) as readonly string[];
    let position = headerLength + header.scopesLength;
    for (const [queue, name] of queueNames.entries()) {
      for (let left = header.counts[queue] ?? 0; left > 0;) {
        const count = Math.min(left, recordsAtATime);
        const chunk = await exactly(file, position, count * recordLength);
        signal.throwIfAborted();
        for (const { entry, time } of records(chunk)) {
          entry.flags &= ~flag.confirmed;
          index.restore(name, entry, scopes[entry.scope] ?? '', time);
        }
        left -= count;
        position += chunk.length;
        await nextTurn();
      }
    }
    return header;
  } finally {
    await file.close();
  }
}

/** Reads all of it once, before anything is believed. */
async function verified(file: ReadableFile, path: string, signal: AbortSignal): Promise<Header> {
  const header = file.size < headerLength ? null : decodeHeader(await exactly(file, 0, headerLength));
  const count = header === null ? 0 : header.counts[0] + header.counts[1];
  if (header !== null && file.size === headerLength + header.scopesLength + count * recordLength) {
    let checksum = 0;
    for (let position = headerLength; position < file.size;) {
      const chunk = await exactly(file, position, Math.min(recordsAtATime * recordLength, file.size - position));
      signal.throwIfAborted();
      checksum = crc32(chunk, checksum);
      position += chunk.length;
    }
    if (checksum === header.checksum) return header;
  }
  throw new WaystationError('blob_damaged', `${path} is no whole snapshot of the blob index`);
}

function* chunks(entries: Iterable<{ entry: Entry; time: number }>): Generator<Buffer> {
  let buffer = Buffer.allocUnsafe(recordsAtATime * recordLength);
  let at = 0;
  for (const { entry, time } of entries) {
    for (const word of entry.words) at = buffer.writeUInt32LE(word, at);
    at = buffer.writeUInt32LE(entry.size >>> 0, at);
    at = buffer.writeUInt8(Math.floor(entry.size / 2 ** 32) & 0xff, at);
    at = buffer.writeUIntLE(entry.scope | (entry.flags << 12), at, 3);
    at = buffer.writeUInt32LE(time, at);
    if (at < buffer.length) continue;
    yield buffer;
    buffer = Buffer.allocUnsafe(buffer.length);
    at = 0;
  }
  if (at > 0) yield buffer.subarray(0, at);
}

function* records(chunk: Buffer): Generator<{ entry: Entry; time: number }> {
  const entry = newEntry();
  for (let at = 0; at < chunk.length; at += recordLength) {
    for (let word = 0; word < wordsKept; word += 1) entry.words[word] = chunk.readUInt32LE(at + word * 4);
    entry.size = chunk.readUInt32LE(at + 32) + chunk.readUInt8(at + 36) * 2 ** 32;
    const rest = chunk.readUIntLE(at + 37, 3);
    entry.scope = rest & 0xfff;
    entry.flags = rest >>> 12;
    yield { entry, time: chunk.readUInt32LE(at + 40) };
  }
}

function encodeHeader({ counts, used, protectionKnown, scopesLength, checksum }: Header): Buffer {
  const header = Buffer.alloc(headerLength);
  magic.copy(header);
  header.writeUInt32LE(counts[0], 8);
  header.writeUInt32LE(counts[1], 12);
  header.writeDoubleLE(used, 16);
  header.writeUInt32LE(scopesLength, 24);
  header.writeUInt32LE(checksum, 28);
  header.writeUInt32LE(protectionKnown ? 1 : 0, 32);
  header.writeUInt32LE(crc32(header.subarray(0, 36)), 36);
  return header;
}

function decodeHeader(header: Buffer): Header | null {
  if (!header.subarray(0, magic.length).equals(magic)) return null;
  if (crc32(header.subarray(0, 36)) !== header.readUInt32LE(36)) return null;
  return {
    counts: [header.readUInt32LE(8), header.readUInt32LE(12)],
    used: header.readDoubleLE(16),
    protectionKnown: header.readUInt32LE(32) === 1,
    scopesLength: header.readUInt32LE(24),
    checksum: header.readUInt32LE(28),
  };
}

async function exactly(
  file: Pick<ReadableFile | WritableFile, 'read'>,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const count = await file.read(buffer.subarray(done), position + done, length - done);
    if (count === 0) throw new WaystationError('blob_damaged', 'a snapshot of the blob index ends early');
    done += count;
  }
  return buffer;
}
