import { expect, test } from 'vitest';
import { parseInstalledList } from '../../yum/installed-list.ts';

const one = (name: string, [epoch, version, release]: readonly (string | null)[], arch: string): object => ({
  name,
  epoch,
  version,
  release,
  arch,
});

test.each([
  ['bash-5.1.8-9.el9.x86_64', one('bash', [null, '5.1.8', '9.el9'], 'x86_64')],
  ['dbus-1:1.12.20-8.el9.x86_64', one('dbus', ['1', '1.12.20', '8.el9'], 'x86_64')],
  ['1:dbus-1.12.20-8.el9.x86_64', one('dbus', ['1', '1.12.20', '8.el9'], 'x86_64')],
  ['bash-(none):5.1.8-9.el9.x86_64', one('bash', ['0', '5.1.8', '9.el9'], 'x86_64')],
  ['kernel-0:5.14.0-1.el9.x86_64', one('kernel', ['0', '5.14.0', '1.el9'], 'x86_64')],
  ['python3-dnf-plugins-core-4.3.0-5.el9.noarch', one('python3-dnf-plugins-core', [null, '4.3.0', '5.el9'], 'noarch')],
  ['gcc-c++-11.4.1-2.1~rc1^git2.el9.i686', one('gcc-c++', [null, '11.4.1', '2.1~rc1^git2.el9'], 'i686')],
  ['a-1-1.noarch.rpm', one('a', [null, '1', '1'], 'noarch')],
])('%s is read', (line, wanted) => {
  expect(parseInstalledList(`${line}\n`)).toEqual([wanted]);
});

test('comments, empty lines, keys and repetitions are passed over, and line ends of Windows', () => {
  const text = '\ufeff# host\r\n\r\n  a-1-1.noarch  # why\r\ngpg-pubkey-fd431d51-4ae0493b\r\na-1-1.noarch\r\n';
  expect(parseInstalledList(text)).toEqual([one('a', [null, '1', '1'], 'noarch')]);
  expect(parseInstalledList('')).toEqual([]);
});

test.each(['bash', 'bash.x86_64', 'Installed Packages', 'a-1-1', 'a b-1-1.noarch', '-1-1.noarch'])(
  'what is no package is refused with its line: %s',
  (line) => {
    expect(() => parseInstalledList(`a-1-1.noarch\n${line}\n`)).toThrow(/line 2 /);
  },
);
