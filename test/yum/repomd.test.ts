import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { maxRepomdBytes, parseRepomd } from '../../yum/repomd.ts';

const sha256 = (digit: string): string => digit.repeat(64);

const primary = `<data type="primary">
    <checksum type="sha256">${sha256('a')}</checksum>
    <open-checksum type="sha256">${sha256('b')}</open-checksum>
    <location href="repodata/aa-primary.xml.gz"/>
    <timestamp>1700000000</timestamp>
    <size>2048</size>
    <open-size>16384</open-size>
  </data>`;

function repomd(...records: string[]): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1700000001</revision>
  <tags><content>binary</content></tags>
  ${records.join('\n  ')}
</repomd>
`);
}

function refusal(bytes: Buffer): string {
  try {
    parseRepomd(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(WaystationError);
    expect((error as WaystationError).code).toBe('repomd_invalid');
    return (error as WaystationError).message;
  }
  throw new Error('was accepted');
}

describe('repomd.xml', () => {
  const expected = {
    revision: '1700000001',
    records: [
      {
        type: 'primary',
        href: 'repodata/aa-primary.xml.gz',
        listed: { digest: `sha256:${sha256('a')}`, size: 2048 },
        open: { digest: `sha256:${sha256('b')}`, size: 16384 },
        header: null,
      },
    ],
  };

  test('is read with revision, checksums and sizes', () => {
    expect(parseRepomd(repomd(primary))).toEqual(expected);
  });

  test('means the same with a prefix, single quotes, CRLF, a byte order mark, comments and another order', () => {
    const text = repomd(primary)
      .toString()
      .replaceAll(/<(\/?)(?=[a-z])/g, '<$1md:')
      .replace('xmlns=', 'xmlns:md=')
      .replaceAll(/="([^"]*)"/g, "='$1'")
      .replace('<md:size>2048</md:size>', '<!-- <md:size>1</md:size> -->')
      .replace('<md:checksum', '<md:size> <![CDATA[20]]>48\r</md:size><md:checksum')
      .replaceAll('\n', '\r\n');
    expect(parseRepomd(Buffer.from(`\ufeff${text}`))).toEqual(expected);
  });

  test('may say nothing of the decompressed file, name sha1 as sha and list records of any type', () => {
    const bytes = repomd(
      `<data type="productid"><checksum type="sha">${'c'.repeat(40)}</checksum><size>0</size><location href="./repodata/productid"/><extra><size>9</size></extra></data>`,
    );
    expect(parseRepomd(bytes).records).toEqual([
      {
        type: 'productid',
        href: 'repodata/productid',
        listed: { digest: `sha1:${'c'.repeat(40)}`, size: 0 },
        open: null,
        header: null,
      },
    ]);
  });

  test('without records is an empty repository', () => {
    expect(parseRepomd(repomd()).records).toEqual([]);
  });
});

describe('what is no usable repomd.xml is refused in plain words:', () => {
  const record = (from: string | RegExp, to: string): Buffer => repomd(primary.replace(from, to));
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['an HTML page', Buffer.from('\n<!DOCTYPE html><html><body>Sign in'), 'looks like an HTML page'],
    ['an XHTML page', Buffer.from('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'), 'HTML page'],
    ['nothing', Buffer.alloc(0), 'is empty'],
    ['plain text', Buffer.from('Not found'), 'text data outside of root node'],
    ['JSON', Buffer.from('{"detail": "no"}'), 'text data outside of root node'],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), 'is compressed'],
    ['another document', Buffer.from('<feed xmlns="http://www.w3.org/2005/Atom"/>'), 'the root element <feed>'],
    ['a namesake', Buffer.from('<repomd xmlns="http://example.com/"/>'), 'the root element <repomd>'],
    ['a truncated one', repomd(primary).subarray(0, -20), 'unclosed tag'],
    ['bytes that are no UTF-8', record('primary"', 'prim\u00e4ry"').fill(0xff, 200, 201), 'is not UTF-8'],
    [
      'another encoding',
      Buffer.from(repomd(primary).toString().replace('UTF-8', 'ISO-8859-1')),
      'the encoding ISO-8859-1',
    ],
    ['an unknown entity', record('2048', '&size;'), 'undefined entity'],
    ['no type', record(' type="primary"', ''), 'a record without a type'],
    ['no location', record(/<location[^>]*>/, ''), 'its record "primary" one location'],
    [
      'two locations',
      record('<location', '<location href="repodata/x"/><location'),
      'its record "primary" one location',
    ],
    ['an escaping href', record('repodata/aa', '../aa'), '"../aa-primary.xml.gz" as "primary": that href leads out'],
    ['an absolute href', record('repodata/aa', '/aa'), 'that href is absolute'],
    ['a URL', record('repodata/aa', 'http://a.example/aa'), 'that href is absolute'],
    ['an href beyond measure', record('repodata/aa', 'a'.repeat(3000)), 'that href is too long'],
    ['another base', record('<location', '<location xml:base="http://a.example/"'), 'elsewhere (xml:base)'],
    ['itself', record('repodata/aa-primary.xml.gz', 'repodata/repomd.xml'), 'which is part of itself'],
    ['no checksum', record(/<checksum.*<\/checksum>/, ''), 'its record "primary" no checksum'],
    ['an unknown algorithm', record('type="sha256"', 'type="blake3"'), 'the unknown algorithm "blake3"'],
    ['an unknown open algorithm', record('open-checksum type="sha256"', 'open-checksum type="x"'), 'algorithm "x"'],
    ['a checksum that is none', record(sha256('a'), 'abc'), 'the checksum "abc", which is no sha256 checksum'],
    ['no size', record('<size>2048</size>', ''), 'its record "primary" no size'],
    ['a size that is none', record('<size>2048', '<size>-1'), 'the size "-1", which is no number'],
    ['two sizes', record('<size>', '<size>1</size><size>'), 'more than one <size>'],
    ['an element in a size', record('2048', '<b>2048</b>'), 'an element <b> where only text belongs'],
    ['two primaries', repomd(primary, primary.replace('aa-', 'bb-')), 'more than one "primary"'],
    [
      'one href as two files',
      repomd(primary, primary.replace('type="primary"', 'type="other"').replace(sha256('a'), sha256('d'))),
      '"repodata/aa-primary.xml.gz" twice, as different files',
    ],
    [
      'too many records',
      repomd(...Array.from({ length: 1001 }, (_, n) => primary.replace('primary', `t${n}`))),
      'more than 1000',
    ],
    [
      'a document type of its own',
      Buffer.from(`<!DOCTYPE r [${'<!ENTITY a "b">'.repeat(9000)}]>`),
      'no root element in its first',
    ],
    ['a tag without end', repomd(`<a b="${'x'.repeat(2 ** 21)}"/>`), 'is larger than 1 MiB'],
    ['nesting without end', repomd('<a>'.repeat(100)), 'too many nested elements'],
    ['too many bytes', Buffer.alloc(maxRepomdBytes + 1, 32), 'is larger than 16777216 bytes'],
  ];

  test.each(cases)('%s', (_name, bytes, words) => {
    expect(refusal(bytes)).toContain(words);
  });
});
