import { expect, test } from 'vitest';
import { digestOf, hexOf } from '../../base/digest.ts';
import { readManifest } from '../../yum/pulp-manifest.ts';

const hex = hexOf(digestOf('x'));

/** What a manifest lists: `name size` of each file, `name: reason` of what cannot be served. */
function read(text: string): readonly string[] {
  const said: string[] = [];
  readManifest(text, {
    add: ({ href, listed }) => {
      expect(listed.digest).toBe(`sha256:${hex}`);
      said.push(`${href} ${listed.size}`);
    },
    unservable: ({ href, reason }) => said.push(`${href}: ${reason}`),
  });
  return said;
}

test.each([
  ['as Pulp writes it', `a.iso,${hex},5\nsub/b c.bin,${hex},0\n`, ['a.iso 5', 'sub/b c.bin 0']],
  ['with spaces, DOS line ends, empty lines, no end of line', ` a , ${hex} , 5\r\n\r\nb,${hex},6`, ['a 5', 'b 6']],
  ['with upper-case digits', `a,${hex.toUpperCase()},5\n`, ['a 5']],
  ['with commas in a name', `a,b,${hex},5\n`, ['a,b 5']],
  ['without any file', '', []],
  ['with remarks', `# a,${hex},1\nb,${hex},2\n`, ['b 2']],
  ['with names that lead out', `a,${hex},1\n../b,${hex},1\n/c,${hex},1\n`, ['a 1', '../b: escapes', '/c: absolute']],
  ['with itself in it', `a,${hex},1\nPULP_MANIFEST,${hex},1\n`, ['a 1', 'PULP_MANIFEST: duplicate']],
  ['with lines that say something else', `a,${hex},1\nb,12,3\nc\n`, ['a 1', 'b,12,3: checksum', 'c: checksum']],
  ['with sizes that are none', `a,${hex},1\nb,${hex},-1\n`, ['a 1', `b,${hex},-1: checksum`]],
])('a manifest %s', (_what, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test('a page that says sorry is no manifest', () => {
  expect(() => read('<html>\n<body>sorry, we moved</body>\n</html>\n')).toThrow(
    expect.objectContaining({ code: 'metadata_invalid' }),
  );
});
