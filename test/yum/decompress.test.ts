import { describe, expect, test } from 'vitest';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { decompress } from '../../yum/decompress.ts';
import { verifyOpen } from '../../yum/verify-open.ts';
import { describeWith, tool } from '../support/tools.ts';
import { chunked, gathered } from './collected-packages.ts';

const text = Buffer.from('<metadata>\n'.repeat(100_000));
const limits = { maxBytes: text.length };

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}

async function read(bytes: Buffer, size = 1000, bounds = limits): Promise<Buffer> {
  return gathered(decompress(chunked(pieces(bytes, size)), bounds));
}

const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const half = text.length / 2;

describe('metadata is decompressed by what it is, not by its name:', () => {
  test.each([
    ['plain', text],
    ['gzip', gzipSync(text)],
    ['gzip of several members', Buffer.concat([gzipSync(text.subarray(0, half)), gzipSync(text.subarray(half))])],
    ['zstd', zstdCompressSync(text)],
    [
      'zstd of several frames',
      Buffer.concat([zstdCompressSync(text.subarray(0, half)), zstdCompressSync(text.subarray(half))]),
    ],
    ['zstd with skippable frames', Buffer.concat([skippable, zstdCompressSync(text), skippable])],
  ])('%s', async (_name, bytes) => {
    expect((await read(bytes)).equals(text)).toBe(true);
    expect((await read(bytes, 7)).equals(text)).toBe(true);
    expect((await read(bytes, bytes.length)).equals(text)).toBe(true);
  });

  test('nothing is nothing', async () => {
    expect(await read(Buffer.alloc(0))).toHaveLength(0);
  });
});

describe('what cannot be decompressed is refused:', () => {
  const random = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7919 + (n >> 3) * 104_729) & 0xff));
  const damaged = (bytes: Buffer): Buffer => Buffer.from(bytes).fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 8);
  /** An empty zstd frame that asks for a window of 2^log bytes. */
  const window = (log: number): Buffer => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0]);

  test('but for a zstd window of 128 MiB, which dnf reads too', async () => {
    expect(await read(window(27))).toHaveLength(0);
  });

  test.each([
    ['truncated gzip', gzipSync(text).subarray(0, -9), 'gzip data is damaged or truncated'],
    ['truncated zstd', zstdCompressSync(random).subarray(0, -9), 'zstd data is damaged or truncated'],
    ['gzip cut in its head', gzipSync(text).subarray(0, 7), 'gzip data is damaged or truncated'],
    ['damaged gzip', damaged(gzipSync(random)), 'gzip data is damaged or truncated'],
    ['damaged zstd', damaged(zstdCompressSync(text)), 'zstd data is damaged or truncated'],
    ['a zstd window beyond 128 MiB', window(28), 'zstd data is damaged or truncated'],
    ['bzip2', Buffer.from('BZh91AY&SY'), 'compressed with bzip2 is not supported'],
    ['zchunk', Buffer.from('\0ZCK1....'), 'compressed with zchunk is not supported'],
  ])('%s', async (_name, bytes, words) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'metadata_invalid',
      message: expect.stringContaining(words),
    });
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('a %s bomb, with little read of it', async (_name, compress) => {
    const bomb = compress(Buffer.alloc(64 * 1024 * 1024));
    let out = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of decompress(chunked(pieces(bomb, 1000)), { maxBytes: 1_000_000 })) out += chunk.length;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'metadata_too_large' });
    expect(out).toBeLessThanOrEqual(1_000_000);
  });

  test.each([new WaystationError('blob_damaged', 'no such bytes'), new Error('EIO')])(
    "the source's own error stays what it is: %s",
    async (error) => {
      for (const bytes of [text, gzipSync(text), zstdCompressSync(text)]) {
        const failing = async function* (): AsyncGenerator<Buffer> {
          yield bytes.subarray(0, 20);
          throw error;
        };
        await expect(gathered(decompress(failing(), limits))).rejects.toBe(error);
      }
    },
  );
});

test.each([
  ['plain', text],
  ['gzip', gzipSync(text)],
  ['zstd', zstdCompressSync(text)],
  ['what is not supported', Buffer.from('BZh91AY&SY')],
])('a reader that leaves early closes the source: %s', async (_name, bytes) => {
  let closed = false;
  const source = async function* (): AsyncGenerator<Buffer> {
    try {
      for (;;) yield bytes;
    } finally {
      closed = true;
    }
  };
  const reading = decompress(source(), { maxBytes: 1e9 });
  await reading.next().catch(() => {});
  await reading.return(undefined);
  expect(closed).toBe(true);
});

describeWith([tool('xz')], 'xz', () => {
  const xz = (bytes: Buffer, ...options: string[]): Buffer =>
    execFileSync('xz', ['-c', ...options], { input: bytes, maxBuffer: 1e9 });

  test.each([
    ['one stream', () => xz(text)],
    ['crc32 and many blocks', () => xz(text, '--check=crc32', '--block-size=65536', '-T2')],
    ['the largest preset, 64 MiB of dictionary', () => xz(text, '-9')],
    ['several streams', () => Buffer.concat([xz(text.subarray(0, half)), xz(text.subarray(half))])],
  ])('is decompressed: %s', async (_name, make) => {
    expect((await read(make())).equals(text)).toBe(true);
  });

  test.each([
    ['truncated', () => xz(text).subarray(0, -40)],
    ['cut in its head', () => xz(text).subarray(0, 8)],
    ['damaged', () => Buffer.from(xz(text)).fill(0x55, 60, 70)],
    ['a dictionary beyond 64 MiB', () => xz(text, '--lzma2=dict=128MiB')],
  ])('is refused: %s', async (_name, make) => {
    await expect(read(make())).rejects.toMatchObject({
      code: 'metadata_invalid',
      message: expect.stringContaining('xz data is damaged or truncated'),
    });
    // The library runs one stream at a time: a failed one must not hold the others up.
    expect((await read(xz(text))).equals(text)).toBe(true);
  });

  test('a bomb is refused, leaving early is fine, and two at once both end', async () => {
    const bomb = xz(Buffer.alloc(32 * 1024 * 1024));
    await expect(read(bomb, 100, { maxBytes: 100_000 })).rejects.toMatchObject({ code: 'metadata_too_large' });
    const left = decompress(chunked([xz(text)]), limits);
    await left.next();
    const both = Promise.all([read(xz(text)), read(xz(text))]);
    await left.return(undefined);
    expect((await both).every((bytes) => bytes.equals(text))).toBe(true);
  });

  test('the event loop turns while a bomb inflates', async () => {
    const bomb = xz(Buffer.alloc(32 * 1024 * 1024));
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    await read(bomb, bomb.length, { maxBytes: 1e9 });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('the decompressed file is proven', () => {
  const open = { digest: digestOf(text), size: text.length };
  const verify = (bytes: Buffer, listed: typeof open | null): Promise<Buffer> =>
    gathered(verifyOpen(chunked(pieces(bytes, 5000)), listed));

  test('by its open-size and open-checksum, and passed on unchanged', async () => {
    expect((await verify(text, open)).equals(text)).toBe(true);
    expect((await verify(text, null)).equals(text)).toBe(true);
    expect((await verify(text, { digest: digestOf(text, 'sha512'), size: text.length })).equals(text)).toBe(true);
  });

  test.each([
    ['shorter', text.subarray(1), 'not its open-size of'],
    ['longer', Buffer.concat([text, text]), 'is longer than its open-size'],
    ['other bytes', Buffer.from(text).fill('x', 5, 6), 'not its open-checksum'],
  ])('or refused: %s', async (_name, bytes, words) => {
    await expect(verify(bytes, open)).rejects.toMatchObject({
      code: 'record_mismatch',
      message: expect.stringContaining(words),
    });
  });
});
