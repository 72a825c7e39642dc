const byExtension = new Map<string, string>([
  ['rpm', 'application/x-rpm'],
  ['drpm', 'application/x-rpm'],
  ['xml', 'application/xml'],
  ['gz', 'application/gzip'],
  ['tgz', 'application/gzip'],
  ['bz2', 'application/x-bzip2'],
  ['xz', 'application/x-xz'],
  ['zst', 'application/zstd'],
  ['zck', 'application/x-zchunk'],
  ['sqlite', 'application/vnd.sqlite3'],
  ['asc', 'application/pgp-signature'],
  ['sig', 'application/pgp-signature'],
  ['key', 'application/pgp-keys'],
  ['gpg', 'application/pgp-keys'],
  ['json', 'application/json'],
  ['yaml', 'application/yaml'],
  ['yml', 'application/yaml'],
  ['html', 'text/html; charset=utf-8'],
  ['htm', 'text/html; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['txt', 'text/plain; charset=utf-8'],
  ['md', 'text/plain; charset=utf-8'],
  ['repo', 'text/plain; charset=utf-8'],
  ['cfg', 'text/plain; charset=utf-8'],
  ['ks', 'text/plain; charset=utf-8'],
  ['treeinfo', 'text/plain; charset=utf-8'],
  ['discinfo', 'text/plain; charset=utf-8'],
  ['composeinfo', 'text/plain; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['iso', 'application/x-iso9660-image'],
  ['tar', 'application/x-tar'],
  ['pdf', 'application/pdf'],
]);

const byName = new Map<string, string>([
  ['treeinfo', 'text/plain; charset=utf-8'],
  ['PULP_MANIFEST', 'text/plain; charset=utf-8'],
  ['listing', 'text/plain; charset=utf-8'],
  ['EULA', 'text/plain; charset=utf-8'],
  ['GPL', 'text/plain; charset=utf-8'],
  ['LICENSE', 'text/plain; charset=utf-8'],
  ['README', 'text/plain; charset=utf-8'],
  ['mirrorlist', 'text/plain; charset=utf-8'],
]);

/**
 * The Content-Type of a file in a yum repository, by its name. A compressed file is what its own extension says, and
 * goes out without Content-Encoding: its checksum is listed for the bytes as they are.
 * @param path decoded; only what follows the last `/` counts.
 */
export function mediaType(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const known = byName.get(name);
  if (known !== undefined) return known;
  if (name.startsWith('RPM-GPG-KEY')) return 'application/pgp-keys';
  const dot = name.lastIndexOf('.');
  const extension = dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
  return byExtension.get(extension) ?? 'application/octet-stream';
}
