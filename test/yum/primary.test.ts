import { describe, expect, test } from 'vitest';
import { asWaystationError } from '../../base/errors.ts';
import type { PackageEntry, Unservable } from '../../base/package-entry.ts';
import { parsePrimary } from '../../yum/parse-primary.ts';
import { ScannerGaveUp, scanPrimary } from '../../yum/scan-primary.ts';
import {
  type GeneratedPackage,
  generatedPackages,
  generatedPrimary,
  packageElement,
  primaryDocument,
} from '../support/primary-generator.ts';
import { collectPackages, entryOf, gathered } from './collected-packages.ts';

const foo: GeneratedPackage = {
  name: 'foo',
  arch: 'noarch',
  epoch: '0',
  version: '1.0',
  release: '1.el9',
  sha256: 'ab'.repeat(32),
  size: 1234,
  href: 'Packages/f/foo-1.0-1.el9.noarch.rpm',
};
const bar: GeneratedPackage = { ...foo, name: 'bar', sha256: 'cd'.repeat(32), href: 'Packages/b/bar.rpm' };

const plain = primaryDocument([packageElement(foo, 4, 'About foo.'), packageElement(bar, 4, 'About bar & <baz>.')]);
const first = entryOf(foo);

/** Changes the first package alone. */
const change = (from: string | RegExp, to: string): string => plain.replace(from, to);
const checksumLine = /<checksum .*<\/checksum>\n/;
const locationLine = /<location .*\/>/;

describe('a document that createrepo_c would write is read by scanner and saxes alike:', () => {
  const same: readonly (readonly [string, string, PackageEntry])[] = [
    ['as it is', plain, first],
    [
      'entities, named, decimal and hexadecimal',
      change('Packages/f/foo', 'a&#43;&#x2b;&amp;&lt;&quot;é'),
      { ...first, href: 'a++&<"é-1.0-1.el9.noarch.rpm' },
    ],
    [
      'sha for sha1',
      change(/type="sha256"(.*)>.*<\/c/, `type="sha"$1>${'1'.repeat(40)}</c`),
      { ...first, listed: { digest: `sha1:${'1'.repeat(40)}`, size: 1234 } },
    ],
    [
      'sha512, in capitals',
      change(/type="sha256"(.*)>.*<\/c/, `type="SHA512"$1>${'AB'.repeat(64)}</c`),
      { ...first, listed: { digest: `sha512:${'ab'.repeat(64)}`, size: 1234 } },
    ],
    ['space around texts', change('>foo<', '> \n foo\t<').replace('>ababab', '>\n ababab'), first],
    ['an epoch that is empty', change('epoch="0"', 'epoch=""'), first],
    ['an epoch', change('epoch="0"', 'epoch="3"'), { ...first, epoch: '3' }],
    ['CRLF between elements', plain.replaceAll('>\n', '>\r\n'), first],
    ['a byte order mark', `\ufeff${plain}`, first],
    ['no space at all between elements', plain.replaceAll(/>\s+</g, '><'), first],
    ['a size of 0', change('package="1234"', 'package="0"'), { ...first, listed: { ...first.listed, size: 0 } }],
    ['a leading ./', change('Packages/f', './Packages/f'), first],
    ['a text of 3 MB', change('About foo.', 'About foo. '.repeat(300_000)), first],
    ['">" in a text and an exclamation mark', change('About foo.', 'a -> b! ? & c'.replace('&', '&amp;')), first],
  ];

  test.each(same)('%s', async (_name, text, expected) => {
    const scanned = await collectPackages(scanPrimary, [Buffer.from(text)]);
    expect(scanned).toEqual({ packages: 2, entries: [expected, entryOf(bar)], unservable: [] });
    expect(await collectPackages(parsePrimary, [Buffer.from(text)])).toEqual(scanned);
  });

  test('a repository without packages', async () => {
    const nothing = { packages: 0, entries: [], unservable: [] };
    expect(await collectPackages(scanPrimary, [Buffer.from(primaryDocument([]))])).toEqual(nothing);
    expect(await collectPackages(parsePrimary, [Buffer.from(primaryDocument([]))])).toEqual(nothing);
  });

  test('1,000 generated packages in chunks of any size', async () => {
    const options = { packages: 1000, seed: 7 };
    const whole = await gathered(generatedPrimary(options));
    const expected = { packages: 1000, entries: [...generatedPackages(options)].map(entryOf), unservable: [] };
    for (const size of [997, 8192, 300_000, whole.length]) {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, n) =>
        whole.subarray(n * size, (n + 1) * size),
      );
      expect(await collectPackages(scanPrimary, chunks)).toEqual(expected);
    }
    expect(await collectPackages(parsePrimary, [whole])).toEqual(expected);
  });
});

describe('what only a full parser can tell makes the scanner give up, and saxes reads it right:', () => {
  const twoFormats = change('</format>', '</format><location href="other.rpm"/><format></format>');
  const prefixed = plain.replace('xmlns="', 'xmlns:md="').replaceAll(/<(\/?)(?=[a-z]+[ >/])(?!rpm:)/g, '<$1md:');
  // The comment ends inside the format of the package that it hides.
  const [hiddenHead = '', hiddenTail = ''] = packageElement({ ...foo, href: 'hidden.rpm' }).split('<format>');
  const hiding = (begin: string, end: string): string =>
    primaryDocument(
      [
        packageElement(foo).replace(
          '</format>\n</package>',
          `${begin}</format>\n</package>${hiddenHead}<format>${end}${hiddenTail.trimEnd()}`,
        ),
        packageElement(bar),
      ],
      3,
    );
  const unusual: readonly (readonly [string, string, PackageEntry | Unservable])[] = [
    [
      'another order of elements',
      change(/( {2}<size .*\n)([^]*?)( {2}<format>)/, '$2$1$3').replace(/( {2}<time .*\n)( {2}<size .*\n)/, '$2$1'),
      first,
    ],
    [
      'location first',
      change(locationLine, '').replace('<name>', '<location href="Packages/f/foo-1.0-1.el9.noarch.rpm"/><name>'),
      first,
    ],
    ['another order of attributes', change('epoch="0" ver="1.0"', 'ver="1.0" epoch="0"'), first],
    ['single quotes', change('ver="1.0"', "ver='1.0'"), first],
    ['no epoch', change(' epoch="0"', ''), first],
    ['a comment that holds </package>', change('<name>', '<!-- </package> --><name>'), first],
    ['CDATA that holds </package>', change('About foo.', '<![CDATA[</package><name>x</name>]]>'), first],
    ['a package hidden in a comment, and counted', hiding('<!--', '-->'), first],
    ['a package hidden in CDATA, and counted', hiding('<rpm:group><![CDATA[', ']]></rpm:group>'), first],
    ['a package hidden in an instruction, and counted', hiding('<?x ', '?>'), first],
    ['CDATA in a name', change('>foo<', '><![CDATA[fo]]>o<'), first],
    ['a processing instruction', change('<name>', '<?x </package>?><name>'), first],
    ['a prefix on everything', prefixed, first],
    ['another prefix for rpm', plain.replaceAll('rpm:', 'r:').replace('xmlns:rpm', 'xmlns:r'), first],
    ['no name space', change(/ xmlns="[^"]*"/, ''), first],
    ['single quotes in it', change('version="1.0"', "version='1.0'"), first],
    ['another count of packages', plain.replace('packages="2"', 'packages="3"'), first],
    ['no count of packages', plain.replace(' packages="2"', ''), first],
    ['a location of another name space', change('<location', '<rpm:location href="../x"/><location'), first],
    ['a nested location', change('<packager>', '<extra><location href="../x"/></extra><packager>'), first],
    ['no format', change(/ {2}<format>[^]*?<\/format>\n/, ''), first],
    ['two formats with a location between', twoFormats, { href: foo.href, reason: 'location' }],
    ['two locations', change('<location', '<location href="a"/><location'), { href: 'a', reason: 'location' }],
    ['no location', change(locationLine, ''), { href: '', reason: 'location' }],
    ['xml:base', change('<location', '<location xml:base="http://a.example/"'), { href: foo.href, reason: 'absolute' }],
    ['no checksum', change(checksumLine, ''), { href: foo.href, reason: 'checksum' }],
    [
      'two checksums',
      change('<checksum', '<checksum type="md5">0</checksum><checksum'),
      { href: foo.href, reason: 'checksum' },
    ],
    ['no size', change(/<size .*\n/, ''), { href: foo.href, reason: 'size' }],
    ['a text of 20 MB', change('About foo.', 'About foo. '.repeat(1_900_000)), first],
  ];

  test.each(unusual)('%s', async (_name, text, expected) => {
    expect(text).not.toBe(plain);
    const bytes = Buffer.from(text);
    await expect(collectPackages(scanPrimary, [bytes])).rejects.toBeInstanceOf(ScannerGaveUp);
    const parsed = await collectPackages(parsePrimary, [bytes]);
    expect(parsed.packages).toBe(2);
    expect([...parsed.unservable, ...parsed.entries]).toEqual([expected, entryOf(bar)]);
  });
});

describe('a package that cannot be served is named and stops nothing:', () => {
  test.each([
    ['../x.rpm', 'escapes'],
    ['a/../../x.rpm', 'escapes'],
    ['a\\x.rpm', 'escapes'],
    ['&#10;x.rpm', 'escapes'],
    ['/x.rpm', 'absolute'],
    ['http://a.example/x.rpm', 'absolute'],
    ['x'.repeat(2049), 'too-long'],
  ])('href %j', async (href, reason) => {
    const text = change(foo.href, href);
    const scanned = await collectPackages(scanPrimary, [Buffer.from(text)]);
    expect(scanned.unservable.map((entry) => entry.reason)).toEqual([reason]);
    expect(scanned.entries).toEqual([entryOf(bar)]);
    expect(await collectPackages(parsePrimary, [Buffer.from(text)])).toEqual(scanned);
  });

  test.each([
    ['an unknown algorithm', change('type="sha256"', 'type="blake3"'), 'checksum'],
    ['a checksum of another length', change(foo.sha256, 'abc'), 'checksum'],
    ['a size that is no number', change('package="1234"', 'package="1e3"'), 'size'],
    ['a negative size', change('package="1234"', 'package="-1"'), 'size'],
    ['a size beyond measure', change('package="1234"', `package="${'9'.repeat(16)}"`), 'size'],
  ])('%s', async (_name, text, reason) => {
    const scanned = await collectPackages(scanPrimary, [Buffer.from(text)]);
    expect(scanned).toEqual({ packages: 2, entries: [entryOf(bar)], unservable: [{ href: foo.href, reason }] });
    expect(await collectPackages(parsePrimary, [Buffer.from(text)])).toEqual(scanned);
  });
});

describe('what is no primary.xml is refused by both:', () => {
  const laughs = `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>${plain.replace(/^.*\n/, '').replace('About', '&b;')}`;
  const broken: readonly (readonly [string, string | Buffer, string])[] = [
    ['an unknown entity', change('About', '&nope;'), 'undefined entity'],
    ['a reference to no character', change('About', '&#0;'), 'malformed character entity'],
    ['billion laughs', laughs, 'undefined entity'],
    ['a truncated document', plain.slice(0, -12), 'unclosed tag'],
    ['a document cut inside a package', plain.slice(0, plain.length / 2), 'unclosed tag'],
    ['nothing', '', 'is empty'],
    ['mismatched tags', change('</name>', '</nane>'), 'unexpected close tag'],
    [
      'a package behind the end, counted',
      `${plain.replace('packages="2"', 'packages="3"')}${packageElement(foo)}</metadata>`,
      'documents may contain only one root',
    ],
    ['something behind the end', `${plain}<more/>`, 'documents may contain only one root'],
    ['text behind the end', `${plain}more`, 'text data outside of root node'],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from(plain), Buffer.from([0xff])]), 'is not UTF-8'],
    ['ISO-8859-1', Buffer.from(change('About', 'Über'), 'latin1'), 'is not UTF-8'],
    ['another encoding', plain.replace('UTF-8', 'ISO-8859-1'), 'has the encoding ISO-8859-1'],
    ['UTF-16', Buffer.from(plain, 'utf16le'), 'primary.xml'],
    ['an HTML page', '<html><body></body></html>', 'looks like an HTML page'],
    [
      'another document',
      '<filelists xmlns="http://linux.duke.edu/metadata/filelists"/>',
      'the root element <filelists>',
    ],
    ['"]]>" in a text', change('About', ']]>'), 'is disallowed in char data'],
    ['an element in a checksum', change('</checksum>', '<b/></checksum>'), 'where only text belongs'],
  ];

  test.each(broken)('%s', async (_name, text, words) => {
    const bytes = Buffer.from(text);
    await expect(collectPackages(scanPrimary, [bytes])).rejects.toBeInstanceOf(ScannerGaveUp);
    const error = asWaystationError(await collectPackages(parsePrimary, [bytes]).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'metadata_invalid', message: expect.stringContaining(words) });
  });
});
