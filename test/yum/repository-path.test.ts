import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkHref, checkRepositoryPath, maxHrefBytes } from '../../yum/repository-path.ts';

describe('an href of metadata', () => {
  test.each([
    ['Packages/a/a-1.0-1.noarch.rpm', 'Packages/a/a-1.0-1.noarch.rpm'],
    ['a-1.0~rc1^git+x-1.rpm', 'a-1.0~rc1^git+x-1.rpm'],
    ['./repodata/primary.xml.gz', 'repodata/primary.xml.gz'],
    ['with space.rpm', 'with space.rpm'],
    ['100%25/a%2e%2e/b?c#d.rpm', '100%25/a%2e%2e/b?c#d.rpm'],
    ['größe.rpm', 'größe.rpm'],
    ['foo-1:2.0-1.rpm', 'foo-1:2.0-1.rpm'],
    ['.hidden/..rpm/...', '.hidden/..rpm/...'],
    [`${'a/'.repeat(maxHrefBytes / 2 - 1)}ab`, `${'a/'.repeat(maxHrefBytes / 2 - 1)}ab`],
  ])('%s is the path %s', (href, path) => {
    expect(checkHref(href)).toEqual({ ok: true, path });
  });

  test.each([
    ['../a.rpm', 'escapes'],
    ['a/../../b.rpm', 'escapes'],
    ['a/..', 'escapes'],
    ['a/./b', 'escapes'],
    ['././a', 'escapes'],
    ['.', 'escapes'],
    ['a//b', 'escapes'],
    ['a/', 'escapes'],
    ['', 'escapes'],
    ['./', 'escapes'],
    ['.//etc/passwd', 'escapes'],
    ['a\\..\\b', 'escapes'],
    ['a\u0000b', 'escapes'],
    ['a\nb', 'escapes'],
    ['a\u0085b', 'escapes'],
    ['/etc/passwd', 'absolute'],
    ['//host/a', 'absolute'],
    ['http://host/a.rpm', 'absolute'],
    ['HTTPS://host/a.rpm', 'absolute'],
    ['file:/etc/passwd', 'absolute'],
    ['ä'.repeat(maxHrefBytes / 2 + 1), 'too-long'],
  ])('%j is refused: %s', (href, reason) => {
    expect(checkHref(href)).toEqual({ ok: false, reason });
  });

  test('that is accepted resolves to a place below its repository, as URL and as path', () => {
    const piece = fc.constantFrom('..', '.', '/', './', '../', 'a', 'b.rpm', '\\', ':', 'http:', '%2e', '\u0000', ' ');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
        (href) => {
          const checked = checkHref(href);
          if (!checked.ok) return;
          const encoded = checked.path.split('/').map(encodeURIComponent).join('/');
          const url = new URL(`http://host/repository/${encoded}`);
          expect(url.pathname).toBe(`/repository/${encoded}`);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the path of a repository', () => {
  test.each(['rhel9/baseos/x86_64', 'a', 'a.b/c-d_e+f~g', 'größe'])('%s is one', (path) => {
    expect(checkRepositoryPath(path)).toEqual({ ok: true, path });
  });

  test.each([
    ['', 'is empty'],
    ['/a', 'must not begin or end with "/"'],
    ['a/', 'must not begin or end with "/"'],
    ['http://a.example/b', 'must not be a URL'],
    ['a%2fb', 'must not contain "?", "#" or "%"'],
    ['a/../b', 'must not contain empty, "." or ".." segments, backslashes or control characters'],
    ['a//b', 'must not contain empty, "." or ".." segments, backslashes or control characters'],
    ['a\nb', 'must not contain empty, "." or ".." segments, backslashes or control characters'],
    ['a'.repeat(1025), 'is longer than 1024 bytes'],
  ])('%j is none: %s', (path, problem) => {
    expect(checkRepositoryPath(path)).toEqual({ ok: false, problem });
  });
});
