import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRequestPath, encodePath } from '../../http/request-path.ts';

const decoded = (target: string): string | undefined => {
  const result = decodeRequestPath(target);
  return 'error' in result ? undefined : result.path;
};

/** What Node hands over for a target whose bytes are not ASCII. */
const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

describe('a request target', () => {
  test.each([
    ['/', '/'],
    ['/content/', '/content/'],
    ['/content/edge/base/repodata/repomd.xml', '/content/edge/base/repodata/repomd.xml'],
    ['/a/.treeinfo', '/a/.treeinfo'],
    ['/a/.../b', '/a/.../b'],
    ['/a/gcc-c++-1.0~rc1^git1-1.rpm', '/a/gcc-c++-1.0~rc1^git1-1.rpm'],
    ['/a/gcc-c%2b%2b-1.0~rc1%5egit1-1.rpm', '/a/gcc-c++-1.0~rc1^git1-1.rpm'],
    ['/a/gcc-c%2B%2B-1.0%7Erc1%5Egit1-1.rpm', '/a/gcc-c++-1.0~rc1^git1-1.rpm'],
    ['/a/with%20space', '/a/with space'],
    ['/a/a%2bb%20c+d', '/a/a+b c+d'],
    ['/a/100%25', '/a/100%'],
    ['/a/%2541', '/a/%41'],
    ['/a/%252f', '/a/%2f'],
    ['/a/x%23y%3Fz', '/a/x#y?z'],
    ['/a/%C3%BCber', '/a/über'],
    [asBytes('/a/über'), '/a/über'],
    [`/a/%C3${String.fromCharCode(0xbc)}ber`, '/a/über'],
    ["/a/b:c;d=e,f@g!$&'()*", "/a/b:c;d=e,f@g!$&'()*"],
    ['/a/%EF%BB%BFb', '/a/\uFEFFb'],
  ])('%s means %s', (target, path) => {
    expect(decoded(target)).toBe(path);
  });

  test.each([
    [''],
    ['*'],
    ['content/x'],
    ['http://pop.example.com/content/x'],
    ['pop.example.com:443'],
    ['//'],
    ['//evil.example/x'],
    ['/a//b'],
    ['/a//'],
    ['/.'],
    ['/..'],
    ['/a/.'],
    ['/a/..'],
    ['/a/./b'],
    ['/a/../b'],
    ['/a/../'],
    ['/a/%2e%2e/b'],
    ['/a/.%2E/b'],
    ['/a/%2e'],
    ['/a%2fb'],
    ['/a%2Fb'],
    ['/a/..%2fb'],
    ['/a%00'],
    ['/a%0d%0aSet-Cookie:x'],
    ['/a%7f'],
    ['/a%C2%85'],
    ['/a\u0000b'],
    ['/a\tb'],
    ['/a\\b'],
    ['/a%5cb'],
    ['/a%5C..%5Cb'],
    ['/a#b'],
    ['/a%'],
    ['/a%2'],
    ['/a%zz'],
    ['/a%u0041'],
    ['/a%ff'],
    ['/a%c0%af'],
    ['/a%c0%ae%c0%ae/b'],
    ['/a%ed%a0%80'],
    [`/a${String.fromCharCode(0xff)}`],
    ['/a\u0100'],
  ])('%j is refused', (target) => {
    expect(decodeRequestPath(target)).toMatchObject({ error: 'bad_path' });
  });

  test('keeps its query apart, undecoded and unjudged', () => {
    expect(decodeRequestPath('/a/%2bb?c=../%00//&d#')).toEqual({
      path: '/a/+b',
      raw: '/a/%2bb',
      query: 'c=../%00//&d#',
    });
    expect(decodeRequestPath('/a?')).toEqual({ path: '/a', raw: '/a', query: '' });
  });

  test('comes back from its canonical encoding, whatever the name', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1 })
      .map((text) => text.replaceAll(/[/\\\p{Cc}]/gu, '_'))
      .filter((text) => text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), fc.boolean(), (names, slash) => {
        const path = `/${names.join('/')}${slash ? '/' : ''}`;
        expect(encodePath(path)).toMatch(/^[A-Za-z0-9\-._~/%]*$/);
        expect(decoded(encodePath(path))).toBe(path);
        expect(decoded(encodePath(path).replaceAll(/%../g, (escape) => escape.toLowerCase()))).toBe(path);
        expect(decoded(encodeURI(path).replaceAll('#', '%23').replaceAll('?', '%3F'))).toBe(path);
        expect(decoded(asBytes(path.replaceAll(/[%#?]/g, encodeURIComponent)))).toBe(path);
      }),
    );
  });

  test('never decodes to a path that could leave its folder, whatever the bytes', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '.', '..', '%2e', '%2f', '%5c', '\\', '%', '%25', '%c3%bc', '?', '#', '\u00fc', '%00', 'a'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = decoded(`/${pieces.join('')}`);
        if (path === undefined) return;
        expect(path).toMatch(/^\//);
        expect(new URL(encodePath(path), 'http://x').pathname).toBe(encodePath(path));
        const segments = path.slice(1).split('/');
        if (segments.at(-1) === '') segments.pop();
        for (const segment of segments) expect(['', '.', '..']).not.toContain(segment);
        expect(path).not.toMatch(/[\p{Cc}\\]/u);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the canonical encoding', () => {
  test.each([
    ['Packages/g/gcc-c++-1.0~rc1^git1-1.rpm', 'Packages/g/gcc-c%2B%2B-1.0~rc1%5Egit1-1.rpm'],
    ['a b/%41#?ü', 'a%20b/%2541%23%3F%C3%BC'],
    ["!'()*;:@&=$,", '%21%27%28%29%2A%3B%3A%40%26%3D%24%2C'],
    ['/plain-1.2_3~4/x.rpm', '/plain-1.2_3~4/x.rpm'],
    ['', ''],
  ])('of %j is %s', (raw, encoded) => {
    expect(encodePath(raw)).toBe(encoded);
  });

  test('is total: half a surrogate pair becomes the replacement character', () => {
    expect(encodePath('a\ud800')).toBe('a%EF%BF%BD');
  });
});
