import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { treeinfoChecksums } from '../../yum/treeinfo.ts';

const one = digestOf('one');
const two = digestOf('two', 'md5');

test('the checksums of a tree are read as productmd writes them', () => {
  const text = `[checksums]
images/boot.iso = ${one}
images/pxeboot/vmlinuz = ${two}
repodata/repomd.xml = ${one}

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
family = Red Hat Enterprise Linux
images/other.img = ${one}

[images-x86_64]
boot.iso = images/boot.iso
`;
  expect([...treeinfoChecksums(text)]).toEqual([
    ['images/boot.iso', one],
    ['images/pxeboot/vmlinuz', two],
    ['repodata/repomd.xml', one],
  ]);
});

test.each([
  ['a colon, no spaces, and line ends of DOS', `[checksums]\r\na:${one}\r\n`, [['a', one]]],
  ['the section twice, and the file too', `[checksums]\na=${two}\n[x]\n[checksums]\na=${one}\n`, [['a', one]]],
  ['upper case where it matters, and where not', `[checksums]\nEFI/A=${one.toUpperCase()}\n`, [['EFI/A', one]]],
  ['a section of another name', `[Checksums]\na=${one}\n`, []],
  ['comments and continued lines', `[checksums]\n#a=${one}\n;b=${one}\n c=${one}\n`, []],
  ['unknown algorithms and no digests', `[checksums]\na=crc32:01234567\nb=sha256:12\nc\n=${one}\nd=\n`, []],
  ['paths out of the tree', `[checksums]\n/a=${one}\n../b=${one}\nc/../../d=${one}\ne//f=${one}\n./g=${one}\n`, []],
  ['the name of an object property', `[checksums]\n__proto__=${one}\n`, [['__proto__', one]]],
  ['nothing', '', []],
])('%s', (_what, text, digests) => {
  expect([...treeinfoChecksums(text)]).toEqual(digests);
});

test('what is hostile by its size is read in bounds', () => {
  const line = (index: number): string => `f${index}=${two}\n`;
  expect(treeinfoChecksums(`[checksums]\n${Array.from({ length: 20_000 }, (_, at) => line(at)).join('')}`).size).toBe(
    10_000,
  );
  expect(treeinfoChecksums(`[checksums]\n${'a'.repeat(2_000)}=${one}\n`).size).toBe(0);
  expect(treeinfoChecksums(`[checksums]\n${'#'.repeat(1024 * 1024)}\na=${one}\n`).size).toBe(0);
});
