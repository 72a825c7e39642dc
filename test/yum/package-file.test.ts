import { expect, test } from 'vitest';
import { packageFile } from '../../yum/package-file.ts';

test.each([
  ['bash-5.1.8-9.el9.x86_64.rpm', 'bash.x86_64', '5.1.8', '9.el9'],
  ['Packages/b/java-17-openjdk-17.0.9.0.9-2.el9.x86_64.rpm', 'java-17-openjdk.x86_64', '17.0.9.0.9', '2.el9'],
  ['../x/lib-1-1.noarch.rpm', 'lib.noarch', '1', '1'],
])('%s is %s', (href, nameArch, version, release) => {
  expect(packageFile(href)).toEqual({ nameArch, version, release });
});

test.each([
  '',
  'a.rpm',
  'a-1.rpm',
  'a-1-1.rpm',
  '-1-1.noarch.rpm',
  'a--1.noarch.rpm',
  'a-1-.noarch.rpm',
  'a-1-1..rpm',
  'a-1-1.noarch.drpm',
  'repodata/primary.xml.gz',
  'a-1-1/b.noarch.rpm',
])('%j is not named as packages are', (href) => {
  expect(packageFile(href)).toBeNull();
});
