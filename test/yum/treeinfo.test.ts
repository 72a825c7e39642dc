import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { parseTreeinfo, variantPath } from '../../yum/treeinfo.ts';

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

[variant-AppStream]
id = AppStream
packages = ../../AppStream/x86_64/os/Packages
repository = ../../AppStream/x86_64/os

[variant-BaseOS]
packages = Packages
repository = .
`;
  // What repomd.xml is, the metadata says itself.
  expect(said(text)).toEqual({
    files: [
      ['images/boot.iso', one],
      ['images/pxeboot/vmlinuz', two],
    ],
    unusable: 0,
    variants: ['../../AppStream/x86_64/os'],
  });
});

test.each([
  ['a colon, no spaces, and line ends of DOS', `a:${one}\r\n`, [['a', one]], 0],
  ['the section twice, and the file too', `a=${two}\n[x]\n[checksums]\na=${one}\n`, [['a', one]], 0],
  ['upper case where it matters, and where not', `EFI/A=${one.toUpperCase()}\n`, [['EFI/A', one]], 0],
  ['a section of another name', `[Checksums]\na=${one}\n`, [], 0],
  ['comments and continued lines', `#a=${one}\n;b=${one}\n c=${one}\n`, [], 0],
  ['unknown algorithms and no digests', `a=crc32:01234567\nb=sha256:12\nc\n=${one}\nd=\n`, [], 3],
  ['paths out of the tree', `/a=${one}\n../b=${one}\nc/../../d=${one}\ne//f=${one}\n./g=${one}\nh\\i=${one}\n`, [], 6],
  ['what metadata lists', `repodata/x=${one}\nPackages/a.rpm=${one}\n.treeinfo=${one}\n`, [], 0],
  ['the name of an object property', `__proto__=${one}\n`, [['__proto__', one]], 0],
])('%s', (_what, text, files, unusable) => {
  expect(said(`[checksums]\r\n${text}`)).toEqual({ files, unusable, variants: [] });
});

test.each([
  ['nothing', ''],
  ['a page that says sorry', '<html><body a="b">[sorry]\na = b\n</body></html>'],
  ['settings of something else', '[main]\nenabled = 1\n'],
])('%s is no .treeinfo', (_what, text) => {
  expect(parseTreeinfo(text)).toBeNull();
});

test('what is hostile by its size is read in bounds, and the rest counted', () => {
  const line = (index: number): string => `f${index}=${two}\n`;
  const many = said(`[checksums]\n${Array.from({ length: 20_000 }, (_, at) => line(at)).join('')}f7=${one}\n`);
  expect([many.files.length, many.unusable, many.files[7]]).toEqual([1_000, 19_000, ['f7', one]]);
  expect(said(`[checksums]\n${'a'.repeat(3_000)}=${one}\n`)).toMatchObject({ files: [], unusable: 1 });
  expect(said(`[checksums]\nx=\n${'#'.repeat(1024 * 1024)}\na=${one}\n`)).toMatchObject({ files: [] });
  const variant = (index: number): string => `[variant-${index}]\nrepository = ../${index}\n`;
  const variants = Array.from({ length: 2_000 }, (_, at) => variant(at)).join('');
  expect(said(`[header]\nversion = 1.2\n${variants}`).variants).toHaveLength(100);
});

test.each([
  ['rhel9/BaseOS/x86_64/os', '../../../AppStream/x86_64/os', 'rhel9/AppStream/x86_64/os'],
  ['rhel9/os', 'Server', 'rhel9/os/Server'],
  ['a/b', './../c/', 'a/c'],
  ['a/b', '../..', null],
  ['a', '../../etc', null],
])('the variant of %s at %s is served at %s', (repository, variant, path) => {
  expect(variantPath(repository, variant)).toBe(path);
});

test.each(['.', '', '/abs/olute', 'https://elsewhere.example.com/os'])('%j is no sibling', (repository) => {
  expect(said(`[tree]\na=b\n[variant-X]\nrepository = ${repository}\n`).variants).toEqual([]);
});

function said(text: string): { files: unknown[]; unusable: number; variants: readonly string[] } {
  const { files, unusable, variants } = parseTreeinfo(text) ?? expect.unreachable('it is a .treeinfo');
  return { files: [...files], unusable, variants };
}
