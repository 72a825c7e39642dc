import { pipeline, Readable, type Transform } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import type * as Xz from 'xz-decompress';
import { WaystationError } from '../base/errors.ts';

export interface DecompressLimits {
  /** Bytes that may come out; one more is `metadata_too_large`. Give the record's open-size, bounded by your own. */
  readonly maxBytes: number;
}

/**
 * 16 KiB, the default, costs three times the CPU of 64. Larger ones cost little less, but live on while a parser is busy
 * with what came before: V8 then takes them for old, and lets a hundred megabytes of them gather (measured on 185 MB).
 */
const chunkSize = 64 * 1024;
/** As zstd itself decodes without asking, so what dnf can read we can; also the most memory that a window takes. */
const maxZstdWindowLog = 27;

type Kind = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'zchunk' | 'plain';

/**
 * Decompresses metadata: gzip, zstd (any number of frames) or xz, told apart by their first bytes (names lie), else
 * passes it on. Memory is bounded: zstd windows by 128 MiB, xz dictionaries by 64 MiB (the library's own limit).
 * @throws WaystationError while iterating: `metadata_invalid` for what is damaged, truncated, or compressed in a way
 *   that is not read (bzip2, zchunk); `metadata_too_large`; the source's own errors.
 */
export async function* decompress(source: AsyncIterable<Buffer>, limits: DecompressLimits): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const chunk of open(source)) {
    total += chunk.length;
    if (total > limits.maxBytes) {
      throw new WaystationError('metadata_too_large', `metadata decompresses to more than ${limits.maxBytes} bytes`);
    }
    yield chunk;
  }
}

async function* open(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]();
  const { head, rest } = await peek(iterator, 6);
  const kind = kindOf(head);
  const { bytes, failure } = track(rest);
  try {
    if (kind === 'gzip') yield* through(bytes, createGunzip({ chunkSize }));
    else if (kind === 'zstd') yield* through(bytes, createZstdDecompress(zstdOptions));
    else if (kind === 'xz') yield* throughXz(bytes);
    else if (kind === 'plain') yield* bytes;
    else throw new WaystationError('metadata_invalid', `metadata compressed with ${kind} is not supported`);
  } catch (error) {
    const ofSource = failure();
    if (ofSource !== null) throw ofSource.error;
    if (error instanceof WaystationError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new WaystationError('metadata_invalid', `${kind} data is damaged or truncated: ${reason}`, { cause: error });
  } finally {
    // Also when the reader leaves early, or nothing was read of it.
    await iterator.return?.();
  }
}

const zstdOptions = { chunkSize, params: { [constants.ZSTD_d_windowLogMax]: maxZstdWindowLog } };

function kindOf(head: Buffer): Kind {
  const hex = head.toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  // A stream may begin with a skippable frame: 184D2A50 to 184D2A5F, little-endian.
  if (hex.startsWith('28b52ffd') || /^5[0-9a-f]2a4d18/.test(hex)) return 'zstd';
  if (hex === 'fd377a585a00') return 'xz';
  if (hex.startsWith('425a68')) return 'bzip2';
  if (hex.startsWith('005a434b31')) return 'zchunk';
  return 'plain';
}

/** The first bytes, and everything from the first on. */
async function peek(
  iterator: AsyncIterator<Buffer>,
  length: number,
): Promise<{ head: Buffer; rest: AsyncIterable<Buffer> }> {
  const seen: Buffer[] = [];
  let bytes = 0;
  while (bytes < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    bytes += next.value.length;
  }
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield* seen;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  };
  return { head: Buffer.concat(seen).subarray(0, length), rest: rest() };
}

/** A source that remembers its own error, so that it is not taken for damage to the data. */
interface Tracked {
  readonly bytes: AsyncIterable<Buffer>;
  readonly failure: () => { readonly error: unknown } | null;
}

function track(source: AsyncIterable<Buffer>): Tracked {
  let failure: { readonly error: unknown } | null = null;
  const bytes = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* source;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  return { bytes: bytes(), failure: () => failure };
}

async function* through(source: AsyncIterable<Buffer>, transform: Transform): AsyncGenerator<Buffer> {
  // An error at either end destroys the transform, so the iteration below sees it.
  pipeline(Readable.from(source, { objectMode: true, highWaterMark: 1 }), transform, () => {});
  for await (const chunk of transform) yield chunk as Buffer;
}

/**
 * xz in WebAssembly. The library runs one stream at a time, so a stream that nobody reads to its end or leaves would
 * block all others: this generator always does one of the two.
 */
async function* throughXz(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // CommonJS without export names that Node can see, whatever its types say: everything is on `default`.
  const library: { readonly default?: Pick<typeof Xz, 'XzReadableStream'> } = await import('xz-decompress');
  const XzReadableStream = library.default?.XzReadableStream;
  if (XzReadableStream === undefined) throw new WaystationError('internal', 'xz-decompress has no XzReadableStream');
  const input = ReadableStream.from(source);
  for await (const chunk of new XzReadableStream(input)) {
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // Web streams go on in microtasks alone: without this nothing else would run until the next read from disk.
    await setImmediate();
  }
}
