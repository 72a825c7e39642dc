import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { allowedLibraries, checkLibraries, newestVersions, objectionsTo } from '../../packaging/libraries.ts';
import { describeWith, tool } from '../support/tools.ts';

test('what an old Enterprise Linux has is no objection', () => {
  const demands = { libraries: ['libc.so.6', 'libatomic.so.1'], versions: ['GLIBC_2.28', 'GLIBC_2.2.5', 'GCC_3.0'] };
  expect(objectionsTo(demands)).toEqual([]);
});

test('another library and newer symbols are named', () => {
  const demands = { libraries: ['libssl.so.3'], versions: ['GLIBC_2.34', 'GLIBCXX_3.4.9', 'GLIBC_PRIVATE', 'FOO_1'] };
  expect(objectionsTo(demands)).toEqual([
    'the library libssl.so.3',
    'symbols of GLIBC_2.34',
    'symbols of GLIBC_PRIVATE',
    'symbols of FOO_1',
  ]);
});

test('docs/installation.md names every library and the oldest glibc', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/installation.md'), 'utf8');
  for (const name of allowedLibraries) expect(text).toContain(`\`${name}\``);
  expect(text).toContain(`glibc ${newestVersions['GLIBC']}`);
});

describeWith([tool('readelf')], 'the libraries of a file', () => {
  test('those of the built program are all promised', () => {
    expect(() => checkLibraries(inject('builtProgram'))).not.toThrow();
  });

  test('a program that needs more is refused with its name and what it needs', () => {
    expect(() => checkLibraries('/bin/bash')).toThrow(/\/bin\/bash asks too much of the host: .*libtinfo/);
  });
});
