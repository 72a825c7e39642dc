import { expect, test } from 'vitest';
import { mediaType } from '../../http/media-types.ts';

test.each([
  ['/content/a/Packages/b/bash-5.2.26-3.el9.x86_64.rpm', 'application/x-rpm'],
  ['repodata/repomd.xml', 'application/xml'],
  ['repodata/0a-primary.xml.gz', 'application/gzip'],
  ['repodata/0a-primary.xml.zst', 'application/zstd'],
  ['repodata/0a-primary.xml.xz', 'application/x-xz'],
  ['repodata/0a-primary.xml.zck', 'application/x-zchunk'],
  ['repodata/repomd.xml.asc', 'application/pgp-signature'],
  ['repodata/repomd.xml.key', 'application/pgp-keys'],
  ['RPM-GPG-KEY-EPEL-9', 'application/pgp-keys'],
  ['.treeinfo', 'text/plain; charset=utf-8'],
  ['treeinfo', 'text/plain; charset=utf-8'],
  ['listing', 'text/plain; charset=utf-8'],
  ['repodata/modules.yaml', 'application/yaml'],
  ['a/index.HTML', 'text/html; charset=utf-8'],
  ['images/boot.iso', 'application/x-iso9660-image'],
  ['images/install.img', 'application/octet-stream'],
  ['images/pxeboot/vmlinuz', 'application/octet-stream'],
  ['a.rpm/vmlinuz', 'application/octet-stream'],
  ['trailing.', 'application/octet-stream'],
  ['x.constructor', 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('%s is %s', (path, type) => {
  expect(mediaType(path)).toBe(type);
});
