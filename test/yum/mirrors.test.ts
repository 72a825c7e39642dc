import { describe, expect, test } from 'vitest';
import type { WaystationError } from '../../base/errors.ts';
import { parseMetalink } from '../../yum/metalink.ts';
import { parseMirrorList } from '../../yum/mirrorlist.ts';

const current = 'a'.repeat(64);
const earlier = 'b'.repeat(64);

const metalink = `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Mon, 23 Nov 2026 10:00:00 GMT"
  generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   <mm0:timestamp>1700000000</mm0:timestamp>
   <size>4096</size>
   <verification>
    <hash type="md5">${'1'.repeat(32)}</hash>
    <hash type="sha1">${'2'.repeat(40)}</hash>
    <hash type="sha256"> ${current}
    </hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate>
     <mm0:timestamp>1690000000</mm0:timestamp>
     <size>4000</size>
     <verification>
      <hash type="sha-256">${earlier}</hash>
     </verification>
    </mm0:alternate>
   </mm0:alternates>
   <resources maxconnections="1">
    <url protocol="rsync" type="rsync" location="DE" preference="100">rsync://r.example/os/repodata/repomd.xml</url>
    <url protocol="http" type="http" location="DE" preference="90">http://slow.example/os/repodata/repomd.xml</url>
    <url protocol="https" type="https" location="DE" preference="100">https://fast.example/pub/os/repodata/repomd.xml</url>
    <url protocol="https" preference="95">https://user:secret@odd.example/os/repodata/repomd.xml</url>
    <url protocol="https" preference="90">https://fast.example/pub/os/repodata/repomd.xml</url>
   </resources>
  </file>
 </files>
</metalink>
`;

describe('a metalink', () => {
  test('gives base URLs by preference, http and https only, and the strongest checksum of each version', () => {
    expect(parseMetalink(Buffer.from(metalink))).toEqual({
      urls: ['https://fast.example/pub/os/', 'http://slow.example/os/'],
      hashes: [`sha256:${current}`, `sha256:${earlier}`],
    });
  });

  test('is also read where a mirror list was expected', () => {
    expect(parseMirrorList(Buffer.from(`\ufeff${metalink}`))).toEqual(parseMetalink(Buffer.from(metalink)));
  });

  test('takes a weaker checksum only when there is no other', () => {
    const weak = metalink.replace(/<hash type="sha256">[^]*?<\/hash>/, '').replace('sha-256', 'blake3');
    expect(parseMetalink(Buffer.from(weak)).hashes).toEqual([`sha1:${'2'.repeat(40)}`]);
  });

  test.each([
    ['is another document', '<repomd/>', 'the root element <repomd>'],
    ['is a page', '<html><p>no</p></html>', 'looks like an HTML page'],
    ['is truncated', metalink.slice(0, -15), 'unclosed tag'],
    ['is empty', '', 'is empty'],
    ['is about another file', metalink.replace('repomd.xml"', 'image.iso"'), 'is not about repomd.xml'],
    ['has no checksum', metalink.replaceAll(/<hash [^]*?<\/hash>/g, ''), 'no checksum of repomd.xml'],
    ['has no usable mirror', metalink.replaceAll(/https?:\/\/[a-z]+\.e/g, 'ftp://e'), 'no http or https mirror'],
    ['holds a text beyond measure', metalink.replace(current, 'x'.repeat(2 ** 20)), 'is larger than 1048576 bytes'],
  ])('that %s is refused', (_name, text, words) => {
    expect(refusal(() => parseMetalink(Buffer.from(text)))).toContain(words);
  });
});

describe('a mirror list', () => {
  test('gives its http and https lines in order, as base URLs', () => {
    const text = `# repo = os country = DE\r
https://a.example/os\r
\r
  http://b.example:8080/x%20y/os/
rsync://c.example/os/
https://d.example/os/repodata/repomd.xml
https://user@e.example/os/
https://a.example/os/
nonsense
`;
    expect(parseMirrorList(Buffer.from(text))).toEqual({
      urls: ['https://a.example/os/', 'http://b.example:8080/x%20y/os/', 'https://d.example/os/'],
      hashes: null,
    });
  });

  test.each([
    ['is empty', '', 'has no mirrors'],
    ['has comments only', '# no mirrors here\n', 'has no mirrors'],
    ['is a page', '<!DOCTYPE html><html>', 'looks like an HTML page'],
    ['has no usable line', 'ftp://a.example/\n', 'has no http or https URL'],
    ['is larger than any', '#'.repeat(2 ** 20 + 1), 'is larger than 1048576 bytes'],
  ])('that %s is refused', (_name, text, words) => {
    expect(refusal(() => parseMirrorList(Buffer.from(text)))).toContain(words);
  });
});

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toMatchObject({ code: 'mirror_list_invalid' });
    return (error as WaystationError).message;
  }
  throw new Error('was accepted');
}
