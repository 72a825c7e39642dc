import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pattern } from '../clients.ts';
import { pieces, read } from './read-responses.ts';
import type { Feeding, Read } from './read-responses.ts';

const feedings: readonly Feeding[] = ['room', 'buffers'];
const long = pattern(3000).toString('latin1');

interface Case {
  readonly name: string;
  readonly bytes: string;
  readonly closed?: boolean;
  readonly expected: Partial<Read>;
}

const whole: readonly Case[] = [
  {
    name: 'a length',
    bytes: `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "a"\r\n\r\nhello`,
    expected: { status: 200, headers: { 'content-length': '5', etag: '"a"' }, body: 'hello', reusable: true },
  },
  {
    name: 'a longer body',
    bytes: `HTTP/1.1 206 Partial\r\ncontent-length:3000\t\r\nX-Other:\r\n\r\n${long}`,
    expected: { status: 206, headers: { 'content-length': '3000' }, body: long, reusable: true },
  },
  {
    name: 'no body',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    expected: { status: 200, body: '', reusable: true },
  },
  {
    name: '304 with the length of what it does not send',
    bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n',
    expected: { status: 304, body: '', reusable: true },
  },
  { name: '204', bytes: 'HTTP/1.1 204\r\n\r\n', expected: { status: 204, body: '', reusable: true } },
  {
    name: 'chunks with extensions and trailers',
    bytes: `HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b;c="d"\r\nhello\r\nbb8\r\n${long}\r\n1\r\n!\r\n00\r\nX-Trailer: 1\r\nother: 2\r\n\r\n`,
    expected: { status: 200, body: `hello${long}!`, reusable: true },
  },
  {
    name: 'only the last chunk',
    bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    expected: { body: '', reusable: true },
  },
  {
    name: 'until the connection closes',
    bytes: `HTTP/1.1 200 OK\r\n\r\n${long}`,
    closed: true,
    expected: { body: long, reusable: false, error: null },
  },
  {
    name: 'nothing until the connection closes',
    bytes: 'HTTP/1.1 200 OK\r\n\r\n',
    closed: true,
    expected: { body: '', reusable: false, error: null },
  },
  {
    name: 'interim responses before it',
    bytes:
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    expected: { status: 200, body: 'ok', reusable: true },
  },
  {
    name: 'HTTP/1.0',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    expected: { body: 'ok', reusable: false },
  },
  {
    name: 'HTTP/1.0 that stays open',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok',
    expected: { body: 'ok', reusable: true },
  },
  {
    name: 'a connection that closes',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: foo, Close\r\n\r\nok',
    expected: { body: 'ok', reusable: false },
  },
  {
    name: 'a length said twice',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    expected: { headers: { 'content-length': '2' }, body: 'ok', reusable: true },
  },
  {
    name: 'fields that came twice',
    bytes:
      'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 0\r\nETag: "b"\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\n\r\n',
    expected: { headers: { etag: '"a"', 'content-length': '0', 'content-encoding': 'gzip, br' } },
  },
  {
    name: 'a value with bytes that are no ASCII',
    bytes: 'HTTP/1.1 200 \xc3\xa4\r\nContent-Length: 0\r\nETag: \xa0\xe9 \r\n\r\n',
    expected: { headers: { etag: '\xa0\xe9', 'content-length': '0' } },
  },
  {
    name: 'a byte behind the end',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokH',
    expected: { body: 'ok', error: null },
  },
  {
    name: 'a body that breaks off',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok',
    closed: true,
    expected: { status: 200, body: 'ok', reusable: null, error: 'DisconnectedError' },
  },
  {
    name: 'chunks that break off',
    bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n',
    closed: true,
    expected: { body: 'ok', reusable: null, error: 'DisconnectedError' },
  },
  { name: 'half a head', bytes: 'HTTP/1.1 200 OK\r\nConte', closed: true, expected: { error: 'DisconnectedError' } },
  { name: 'nothing', bytes: '', closed: true, expected: { status: null, error: 'DisconnectedError' } },
];

describe('a response is the same however its bytes come', () => {
  test.each(whole)('$name', ({ bytes, closed = false, expected }) => {
    const all = Buffer.from(bytes, 'latin1');
    const once = read([all], 'room', closed);
    expect(once).toMatchObject(expected);
    const sizes = [1, 2, 3, 7, 100, 1000];
    for (const feeding of feedings) {
      for (const size of sizes) {
        // What comes behind the end in a piece of its own is for the connection to object to.
        const { reusable, ...rest } = read(pieces(all, size), feeding, closed);
        const behind = bytes.endsWith('okH');
        if (!behind) expect({ reusable, ...rest }).toEqual(once);
        else expect(reusable === false || rest.error === 'NotHttpError').toBe(true);
      }
    }
  });

  test('a body that is longer than its own buffer may be, in pieces of every size', () => {
    const body = pattern(1_500_000);
    const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    const all = Buffer.concat([head, body]);
    for (const feeding of feedings) {
      for (const size of [1 + head.length, 5000, 16 * 1024, 65_000, 300_000, all.length]) {
        const found = read(pieces(all, size), feeding, false);
        expect(found.reusable).toBe(true);
        expect(Buffer.from(found.body, 'latin1').equals(body)).toBe(true);
      }
    }
  });
});

test('a byte behind the end of a body that is still read is seen, and the connection not used again', () => {
  const head = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  for (const feeding of feedings)
    expect(read([head, Buffer.from('hel'), Buffer.from('loHTTP')], feeding, false)).toMatchObject({
      body: 'hello',
      reusable: false,
      error: null,
    });
});

const ok = 'HTTP/1.1 200 OK\r\n';

describe('what could be read in two ways is no response', () => {
  test.each<[string, string]>([
    ['a length and chunks', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['chunks and a length', `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
    ['two lengths in one field', `${ok}Content-Length: 5, 6\r\n\r\nhello!`],
    ['a negative length', `${ok}Content-Length: -1\r\n\r\n`],
    ['a length with a sign', `${ok}Content-Length: +5\r\n\r\nhello`],
    ['a length in hexadecimal', `${ok}Content-Length: 0x5\r\n\r\nhello`],
    ['an empty length', `${ok}Content-Length:\r\n\r\nhello`],
    ['a length of more than there is', `${ok}Content-Length: 9999999999999999\r\n\r\nhello`],
    ['a coding behind chunks', `${ok}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
    ['a coding before chunks', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['chunks twice', `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['another coding', `${ok}Transfer-Encoding: identity\r\n\r\n`],
    ['an empty coding', `${ok}Transfer-Encoding: \r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded line', `${ok}X-One: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
    ['a folded first line', `${ok} Content-Length: 0\r\n\r\n`],
    ['a space before the colon', `${ok}Content-Length : 0\r\n\r\n`],
    ['a name that is none', `${ok}X(Y): 0\r\n\r\n`],
    ['a line without a name', `${ok}: 0\r\n\r\n`],
    ['a line without a colon', `${ok}Content-Length\r\n\r\n`],
    ['lines that end without CR', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['one line that ends without CR', `${ok}X-One: a\nContent-Length: 0\r\n\r\n`],
    ['a CR in a value', `${ok}X-One: a\rb\r\nContent-Length: 0\r\n\r\n`],
    ['a NUL in a value', `${ok}X-One: a\0b\r\nContent-Length: 0\r\n\r\n`],
    ['a control character in a value', `${ok}X-One: a\u0007b\r\nContent-Length: 0\r\n\r\n`],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a version in lower case', 'http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['an empty line before it', `\r\n${ok}Content-Length: 0\r\n\r\n`],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n'],
    ['interim responses without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)],
    ['a head without end', `${ok}X-One: ${'a'.repeat(33_000)}`],
    ['a head that is too long', `${ok}X-One: ${'a'.repeat(33_000)}\r\n\r\n`],
    ['interim responses that are too long', `HTTP/1.1 103 E\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`.repeat(2)],
    ...(
      [
        ['without a size', '\r\nhello'],
        ['of a negative size', '-5\r\nhello\r\n'],
        ['of a size with a sign', '+5\r\nhello\r\n'],
        ['of a size with a prefix', '0x5\r\nhello\r\n'],
        ['of a size with a space', '5 \r\nhello\r\n'],
        ['of a size that is too long', '100000000000005\r\nhello\r\n'],
        ['of a size that ends without CR', '5\nhello\r\n'],
        ['of a size with a CR alone', '5\rhello\r\n'],
        ['that is longer than its size', '4\r\nhello\r\n'],
        ['that ends without CR', '5\r\nhello\n0\r\n\r\n'],
        ['with a line end in its extension', '5;a\n=b\r\nhello\r\n'],
        ['with a NUL in its extension', '5;a\0b\r\nhello\r\n'],
        ['with an extension without end', `5;${'a'.repeat(70_000)}`],
        ['with trailers without end', `0\r\n${'a: b\r\n'.repeat(20_000)}`],
        ['with a trailer that ends without CR', '0\r\na: b\n\r\n'],
      ] as const
    ).map(([name, frame]): [string, string] => [`a chunk ${name}`, `${ok}Transfer-Encoding: chunked\r\n\r\n${frame}`]),
  ])('%s', (_name, bytes) => {
    const all = Buffer.from(bytes, 'latin1');
    for (const feeding of feedings) {
      for (const size of [all.length, 1, 1000]) {
        const found = read(pieces(all, size), feeding, false);
        expect(found.error).toBe('NotHttpError');
        expect(found.reusable).toBe(null);
      }
    }
  });
});

describe('whatever comes', () => {
  const fragment = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0 200 OK\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 70000\r\n',
    'Content-Length: 2000000\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'X-One: two\r\n',
    '\r\n',
    '5\r\nhello\r\n',
    'ffff\r\n',
    '0\r\n',
    'hello',
    '\n',
    '\0',
    ':',
    ' ',
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((random) => Buffer.from(random)),
    fc.array(fragment, { maxLength: 14 }).map((fragments) => Buffer.from(fragments.join(''), 'latin1')),
    fc
      .tuple(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }))
      .map(([{ bytes: right }, changes]) => {
        const changed = Buffer.from(right, 'latin1');
        for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
        return changed;
      }),
  );

  test('it is a response or an error of its own, the same in pieces, and never more than came', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (all, sizes, closed) => {
          const once = read([all], 'room', closed);
          expect([null, 'NotHttpError', 'DisconnectedError']).toContain(once.error);
          expect(once.body.length).toBeLessThanOrEqual(all.length);
          for (const feeding of feedings) {
            const split: Buffer[] = [];
            for (let at = 0, turn = 0; at < all.length; turn++) {
              const size = sizes[turn % sizes.length] ?? 1;
              split.push(all.subarray(at, at + size));
              at += size;
            }
            const found = read(split, feeding, closed);
            expect([null, 'NotHttpError', 'DisconnectedError']).toContain(found.error);
            // Bytes behind the end make a whole response of a connection that is not used again, or an error of the connection.
            const behind = once.reusable === false && found.reusable === true;
            expect({ status: found.status, body: found.body }).toEqual({ status: once.status, body: once.body });
            if (!behind) expect(found.reusable).toBe(once.reusable);
            if (!behind) expect(found.error).toBe(once.error);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
