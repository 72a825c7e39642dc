import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { multipartLayout } from '../../http/multipart.ts';
import { sendBody, sendSegments, type SendOptions, type SendResult } from '../../web/body-writer.ts';
import { bufferPool, type BufferPool } from '../../web/buffer-pool.ts';
import { openListener, type Listener } from '../../web/listener.ts';
import { memorySource, SourceFailure, type MemorySource } from '../support/memory-source.ts';
import { rawConnection } from '../support/raw-connection.ts';

const KiB = 1024;
const pattern = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index + 4 <= length; index += 4)
    bytes.writeUInt32LE(Math.imul(index + 1, 2654435761) >>> 0, index);
  return bytes;
};
const file = pattern(3 * 1024 * KiB + 17);

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<SendResult>;

let listener: Listener;
let handler: Handler;
let results: Promise<SendResult>[];

beforeEach(async () => {
  results = [];
  listener = await openListener({
    address: '127.0.0.1:0',
    log: silentLogger,
    onRequest: (request, response) => void results.push(handler(request, response)),
  });
});
afterEach(() => listener.drain(0));

/** Sends a source with its Content-Length, or chunked when it has no size. */
const sendWhole =
  (source: MemorySource, options: SendOptions = {}, end = source.size ?? Infinity): Handler =>
  (_request, response) => {
    if (source.size !== null) response.setHeader('content-length', end);
    return sendSegments(response, source, [{ kind: 'range', start: 0, end }], options);
  };

interface Got {
  readonly status: number;
  readonly body: Buffer;
  readonly whole: boolean;
}

const get = (path = '/'): Promise<Got> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ port: listener.port, host: '127.0.0.1', path }, (response) => {
      const chunks: Buffer[] = [];
      const done = (): void =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), whole: response.complete });
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('error', () => {})
        .on('close', done);
    });
    request.on('error', reject).end();
  });

/** Of a single answer. */
const bodyLength = (text: string): number => text.length - text.indexOf('\r\n\r\n') - 4;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a body', () => {
  test.each([0, 1, 16 * KiB, 16 * KiB + 1, 64 * KiB, 512 * KiB, 512 * KiB + 1, file.length])(
    'of %i bytes arrives as it is, and its source is released once',
    async (size) => {
      const source = memorySource(file.subarray(0, size));
      handler = (_request, response) => {
        response.setHeader('content-length', size);
        return sendBody(response, source, 0, null);
      };
      const { body, whole } = await get();
      expect(whole).toBe(true);
      expect(sha256(body)).toBe(sha256(file.subarray(0, size)));
      expect(await results[0]).toEqual({ bytes: size, ended: 'complete', error: null });
      expect(source.released).toBe(1);
    },
  );

  test('of a part is that part, however the source portions it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(file.length),
        fc.nat(file.length),
        fc.integer({ min: 1000, max: 700_000 }),
        async (one, other, chunk) => {
          const [start, end] = [Math.min(one, other), Math.max(one, other)];
          const source = memorySource(file, { chunk });
          handler = (_request, response) => {
            response.setHeader('content-length', end - start);
            return sendBody(response, source, start, end);
          };
          const { body, whole } = await get();
          expect(whole).toBe(true);
          expect(body.equals(file.subarray(start, end))).toBe(true);
          expect(source.released).toBe(1);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([0, 1, 600 * KiB])(
    'of unknown length, %i bytes, is chunked and ends where the source ends',
    async (size) => {
      const source = memorySource(file.subarray(0, size), { size: null, chunk: 100_000 });
      handler = (_request, response) => sendBody(response, source, 0, null);
      const { body, whole } = await get();
      expect(whole).toBe(true);
      expect(sha256(body)).toBe(sha256(file.subarray(0, size)));
      expect(await results[0]).toMatchObject({ bytes: size, ended: 'complete' });
      expect(source.released).toBe(1);
    },
  );

  test('flows as the source gives it, not when a buffer is full', async () => {
    const gate = Promise.withResolvers<void>();
    const source = memorySource(file, {
      chunk: 1000,
      before: (position) => (position < 1000 ? Promise.resolve() : gate.promise),
    });
    handler = sendWhole(source, {}, 2000);
    const connection = await rawConnection(listener.port ?? 0);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const received = await connection.until((text) => bodyLength(text) === 1000);
    expect(received).toContain(file.subarray(0, 1000).toString('latin1'));
    gate.resolve();
    await connection.until((text) => bodyLength(text) === 2000);
    connection.socket.destroy();
  });

  test('leaves the connection usable for the next one', async () => {
    handler = (_request, response) => sendWhole(memorySource(file))(_request, response);
    const connection = await rawConnection(listener.port ?? 0);
    for (let index = 1; index <= 3; index++) {
      connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      const text = await connection.until((received) => received.length > index * file.length);
      expect(text.split('HTTP/1.1 200')).toHaveLength(index + 1);
      expect((await results[index - 1])?.ended).toBe('complete');
    }
    connection.socket.destroy();
  });

  test('answers HEAD without bytes, and still releases the source', async () => {
    const source = memorySource(file);
    handler = sendWhole(source);
    const connection = await rawConnection(listener.port ?? 0);
    connection.send('HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await connection.closed()).text).toMatch(/\r\n\r\n$/);
    await results[0];
    expect(source.released).toBe(1);
  });
});

describe('a source that fails', () => {
  test.each([1, 16 * KiB, 512 * KiB - 1, 512 * KiB, 512 * KiB + 1, 1024 * KiB, file.length - 1])(
    'at byte %i has the connection cut after the bytes before it',
    async (failAt) => {
      const source = memorySource(file, { failAt });
      handler = sendWhole(source);
      const { body, whole } = await get();
      expect(whole).toBe(false);
      expect(body.equals(file.subarray(0, failAt))).toBe(true);
      const result = await results[0];
      expect(result).toMatchObject({ bytes: failAt, ended: 'cut' });
      expect(result?.error?.cause).toBeInstanceOf(SourceFailure);
      expect(source.released).toBe(1);
    },
  );

  test('with unknown length is cut too, also for HTTP/1.0, where an end would look like the whole', async () => {
    handler = (_request, response) => sendBody(response, memorySource(file, { size: null, failAt: 5000 }), 0, null);
    expect(await get()).toMatchObject({ whole: false });
    const old = await rawConnection(listener.port ?? 0);
    old.send('GET / HTTP/1.0\r\n\r\n');
    expect((await old.closed()).reset).toBe(true);
  });

  test('before its first byte has the connection cut when the head cannot be taken back', async () => {
    const source = memorySource(file, { failAt: 0 });
    handler = sendWhole(source);
    await expect(get()).rejects.toThrow('socket hang up');
    expect(await results[0]).toMatchObject({ bytes: 0, ended: 'cut' });
    expect(source.released).toBe(1);
  });

  test('before its first byte leaves the response to a caller that writes its head at the first byte', async () => {
    const source = memorySource(file, { failAt: 0 });
    handler = async (_request, response) => {
      const onFirstByte = (): void => void response.writeHead(200, { 'content-length': file.length });
      const result = await sendSegments(response, source, [{ kind: 'range', start: 0, end: 100 }], { onFirstByte });
      expect(response.headersSent).toBe(false);
      response.writeHead(504).end('sorry');
      return result;
    };
    expect(await get()).toMatchObject({ status: 504, body: Buffer.from('sorry'), whole: true });
    expect(await results[0]).toMatchObject({ bytes: 0, ended: 'cut' });
    expect(source.released).toBe(1);
  });

  test('after its first byte is cut for such a caller too', async () => {
    const source = memorySource(file, { failAt: 1 });
    handler = (_request, response) => {
      const onFirstByte = (): void => void response.writeHead(200, { 'content-length': 100 });
      return sendSegments(response, source, [{ kind: 'range', start: 0, end: 100 }], { onFirstByte });
    };
    expect(await get()).toMatchObject({ status: 200, whole: false });
  });

  test('that ends before its size is cut, never padded', async () => {
    handler = sendWhole(memorySource(file.subarray(0, 1000), { size: 2000 }));
    expect(await get()).toMatchObject({ whole: false, body: file.subarray(0, 1000) });
    expect(await results[0]).toMatchObject({ ended: 'cut', error: { code: 'internal' } });
  });
});

describe('a client', () => {
  test('that leaves while bytes wait for it ends the sending', async () => {
    const source = memorySource(pattern(64 * 1024 * KiB));
    handler = sendWhole(source);
    const connection = await rawConnection(listener.port ?? 0);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('HTTP/1.1 200');
    connection.socket.destroy();
    const result = await results[0];
    expect(result).toMatchObject({ ended: 'aborted', error: null });
    expect(result?.bytes).toBeLessThan(64 * 1024 * KiB);
    expect(source.released).toBe(1);
  });

  test('that leaves while the source is waited for ends the sending with that read', async () => {
    const reading = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const source = memorySource(file, {
      before: () => {
        reading.resolve();
        return gate.promise;
      },
    });
    handler = (request, response) => {
      response.on('close', left.resolve);
      return sendWhole(source)(request, response);
    };
    const connection = await rawConnection(listener.port ?? 0);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await reading.promise;
    connection.socket.destroy();
    await left.promise;
    // Its buffer may still be written to: nothing is released under a read.
    expect(source.released).toBe(0);
    gate.resolve();
    expect(await results[0]).toEqual({ bytes: 0, ended: 'aborted', error: null });
    expect(source).toMatchObject({ released: 1, reads: 1 });
  });

  test('that had left before the sending began costs no read', async () => {
    const source = memorySource(file);
    const gate = Promise.withResolvers<void>();
    handler = async (request, response) => {
      response.on('close', gate.resolve);
      await gate.promise;
      return sendWhole(source)(request, response);
    };
    const connection = await rawConnection(listener.port ?? 0);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => results.length).toBe(1);
    connection.socket.destroy();
    expect(await results[0]).toMatchObject({ bytes: 0, ended: 'aborted' });
    expect(source).toMatchObject({ released: 1, reads: 0 });
  });

  test('that takes nothing is dropped after a while; the others are served meanwhile', async () => {
    const large = memorySource(pattern(64 * 1024 * KiB));
    const pool = bufferPool();
    handler = (request, response) =>
      sendWhole(request.url === '/large' ? large : memorySource(file), { stall: 150, pool })(request, response);
    const stalled = await rawConnection(listener.port ?? 0);
    stalled.socket.pause();
    stalled.send('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => pool.lent).toBeGreaterThan(0);
    expect((await get()).body.equals(file)).toBe(true);
    expect(await results[0]).toMatchObject({ ended: 'aborted', error: null });
    expect(large.released).toBe(1);
    expect(pool.lent).toBe(0);
    stalled.socket.destroy();
  });

  test('is not dropped for a source that is slow', async () => {
    const gate = Promise.withResolvers<void>();
    const timedOut = Promise.withResolvers<void>();
    handler = (request, response) => {
      response.on('timeout', timedOut.resolve);
      return sendWhole(memorySource(file, { before: () => gate.promise }), { stall: 50 })(request, response);
    };
    const got = get();
    await timedOut.promise;
    gate.resolve();
    expect((await got).body.equals(file)).toBe(true);
  });
});

describe('a pooled buffer', () => {
  test('that a client left behind in the middle of a write is not lent again', async () => {
    const pool = bufferPool();
    const forget = vi.spyOn(pool, 'forget');
    const giveBack = vi.spyOn(pool, 'giveBack');
    handler = sendWhole(memorySource(pattern(64 * 1024 * KiB)), { pool });
    const connection = await rawConnection(listener.port ?? 0);
    connection.socket.pause();
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => pool.lent).toBeGreaterThan(0);
    connection.socket.resetAndDestroy();
    await results[0];
    expect(forget).toHaveBeenCalledTimes(1);
    expect(giveBack).not.toHaveBeenCalled();
    handler = sendWhole(memorySource(file), { pool });
    await get();
    expect(forget).toHaveBeenCalledTimes(1);
    expect(giveBack).toHaveBeenCalledTimes(1);
  });

  test('is never lent again before the kernel has its bytes: readers at any pace get their own', async () => {
    // One large buffer for all: an early return would mix the bodies.
    const classes = [
      { size: 64 * KiB, maximum: 1, kept: 1 },
      { size: 16 * KiB, maximum: Infinity, kept: 4 },
    ];
    const pool: BufferPool = bufferPool(classes);
    const bodies = Array.from({ length: 12 }, (_, index) => Buffer.alloc(900 * KiB, index + 1));
    handler = (request, response) => {
      const body = bodies[Number(request.url?.slice(1))] ?? Buffer.alloc(0);
      return sendWhole(memorySource(body), { pool })(request, response);
    };
    const received = await Promise.all(
      bodies.map(async (body, index) => {
        const connection = await rawConnection(listener.port ?? 0);
        connection.send(`GET /${index} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        if (index % 3 === 0)
          connection.socket.on('data', () => {
            connection.socket.pause();
            setImmediate(() => connection.socket.resume());
          });
        if (index % 4 === 3) {
          await connection.until('\r\n\r\n');
          connection.socket.destroy();
          return null;
        }
        const { text } = await connection.closed();
        return Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').equals(body);
      }),
    );
    expect(received).toEqual(bodies.map((_, index) => (index % 4 === 3 ? null : true)));
    await Promise.all(results);
    expect(pool.lent).toBe(0);
  });
});

describe('a multipart body', () => {
  test('has the announced length and every part, also when texts straddle the buffer', async () => {
    const range = fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 1, max: 40_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 2, maxLength: 60 }), async (list) => {
        const ranges = list.map(([start, length]) => ({ start, end: Math.min(start + length, file.length) }));
        const layout = multipartLayout({ ranges, size: file.length, contentType: 'text/plain', boundary: 'b0' });
        const source = memorySource(file, { chunk: 30_000 });
        handler = (_request, response) => {
          response.setHeader('content-length', layout.contentLength);
          return sendSegments(response, source, layout.segments, {
            pool: bufferPool([{ size: 16 * KiB, maximum: Infinity, kept: 1 }]),
          });
        };
        const { body, whole } = await get();
        const expected = layout.segments.map((s) => (s.kind === 'text' ? s.bytes : file.subarray(s.start, s.end)));
        expect(whole).toBe(true);
        expect(body.equals(Buffer.concat(expected))).toBe(true);
        expect(await results.at(-1)).toMatchObject({ bytes: layout.contentLength, ended: 'complete' });
        expect(source.released).toBe(1);
      }),
      { numRuns: 25 },
    );
  });

  test('of many small parts leaves in few writes', async () => {
    const ranges = Array.from({ length: 256 }, (_, index) => ({ start: index * 1000, end: index * 1000 + 500 }));
    const layout = multipartLayout({ ranges, size: file.length, contentType: 'text/plain', boundary: 'b0' });
    let write: MockInstance | undefined;
    handler = (_request, response) => {
      write = vi.spyOn(response, 'write');
      response.setHeader('content-length', layout.contentLength);
      return sendSegments(response, memorySource(file), layout.segments);
    };
    expect((await get()).whole).toBe(true);
    expect(write).toHaveBeenCalledTimes(1);
  });
});
