import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { multipartLayout, type MultipartLayout } from '../../http/multipart.ts';

const file = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

const bodyOf = (layout: MultipartLayout): Buffer =>
  Buffer.concat(layout.segments.map((s) => (s.kind === 'text' ? s.bytes : file.subarray(s.start, s.end))));

test('has the parts, delimiters and headers of RFC 9110 §14.6', () => {
  const layout = multipartLayout({
    ranges: [
      { start: 0, end: 3 },
      { start: 997, end: 1000 },
    ],
    size: 1000,
    contentType: 'application/x-zchunk',
    boundary: 'abc123',
  });
  expect(layout.contentType).toBe('multipart/byteranges; boundary=abc123');
  expect(bodyOf(layout).toString('latin1')).toBe(
    '\r\n--abc123\r\nContent-Type: application/x-zchunk\r\nContent-Range: bytes 0-2/1000\r\n\r\n\x00\x01\x02' +
      '\r\n--abc123\r\nContent-Type: application/x-zchunk\r\nContent-Range: bytes 997-999/1000\r\n\r\n\xf4\xf5\xf6' +
      '\r\n--abc123--\r\n',
  );
});

test('has exactly the length that it announces, and every part is found again', () => {
  const range = fc.tuple(fc.nat(999), fc.integer({ min: 1, max: 300 })).map(([start, length]) => ({
    start,
    end: Math.min(start + length, 1000),
  }));
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 20 }), (ranges) => {
      const boundary = 'f00dFACE00';
      const layout = multipartLayout({ ranges, size: 1000, contentType: 'text/plain', boundary });
      const body = bodyOf(layout);
      expect(body.length).toBe(layout.contentLength);
      // Read as older zchunk versions do: the delimiter with its line break, the type, the range, nothing else.
      const header =
        /\r\n--f00dFACE00\r\ncontent-type:.*\r\ncontent-range: *bytes *([0-9]+) *- *([0-9]+) *\/1000\r\n\r\n/iy;
      const text = body.toString('latin1');
      for (const { start, end } of ranges) {
        const match = header.exec(text);
        expect(match?.slice(1).map(Number)).toEqual([start, end - 1]);
        expect(body.subarray(header.lastIndex, header.lastIndex + end - start)).toEqual(file.subarray(start, end));
        header.lastIndex += end - start;
      }
    }),
  );
});

test.each([[''], ['a+b'], ['a.b'], ['a b'], ['x'.repeat(71)]])('refuses %j as a boundary', (boundary) => {
  const ranges = [{ start: 0, end: 1 }];
  expect(() => multipartLayout({ ranges, size: 1, contentType: 'text/plain', boundary })).toThrow('boundary');
});
