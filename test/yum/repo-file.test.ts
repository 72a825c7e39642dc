import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { repoFile, repoId, type RepoSection } from '../../yum/repo-file.ts';

const plain: RepoSection = {
  id: 'vendor-tools',
  name: 'vendor/tools',
  baseurl: 'http://pop.example.com:8080/content/vendor/tools/',
  gpgcheck: true,
  gpgkeys: ['http://pop.example.com:8080/keys/vendor/1.asc', 'http://pop.example.com:8080/keys/vendor/2.asc'],
  repoGpgcheck: false,
  skipIfUnavailable: false,
  enabled: true,
};

test('a section has every setting that dnf needs', () => {
  expect(repoFile([plain])).toBe(`[vendor-tools]
name=vendor/tools
baseurl=http://pop.example.com:8080/content/vendor/tools/
enabled=1
gpgcheck=1
repo_gpgcheck=0
gpgkey=http://pop.example.com:8080/keys/vendor/1.asc http://pop.example.com:8080/keys/vendor/2.asc
`);
});

test('sections are apart by an empty line, and no keys mean no gpgkey', () => {
  const text = repoFile([plain, { ...plain, id: 'b', gpgkeys: [], gpgcheck: false, enabled: false }]);
  expect(text).toContain('\n\n[b]\n');
  expect(text.split('[b]')[1]).not.toContain('gpgkey');
  expect(text.split('[b]')[1]).toContain('enabled=0\ngpgcheck=0\n');
});

test('the id of a repository is its path with dashes', () => {
  expect(repoId('rhel9/baseos/x86_64')).toBe('rhel9-baseos-x86_64');
  expect(repoId('a b/ü]')).toBe('a-b---');
});

test('no value can add a line, a section or a variable', () => {
  const nasty = fc
    .array(fc.constantFrom('a', '\n', '\r', '[x]', 'enabled=0', '\u2028', '\u0085', '$basearch', ' ', ','), {
      maxLength: 8,
    })
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(nasty, nasty, nasty, (id, name, baseurl) => {
      const text = repoFile([{ ...plain, id, name, baseurl, gpgkeys: [baseurl] }]);
      const lines = text.split(/[\r\n\u2028\u2029\u0085]/);
      expect(lines.map((line) => /^(\[|[a-z_]+=|$)/.exec(line)?.[0])).toEqual([
        '[',
        'name=',
        'baseurl=',
        'enabled=',
        'gpgcheck=',
        'repo_gpgcheck=',
        'gpgkey=',
        '',
      ]);
      expect(lines[2]).not.toMatch(/[ ,$]/);
    }),
  );
});
