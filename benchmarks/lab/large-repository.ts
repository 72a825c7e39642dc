import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { escapeXml, generatedPackages, generatedPrimary } from '../../test/support/primary-generator.ts';

/** A repository's metadata made from a seed, in the structure that createrepo_c writes. There are no packages. */
export interface LargeRepository {
  readonly packages: number;
  readonly seed: number;
  /** With a comment behind the last package: well-formed, and nothing that the scanner knows. */
  readonly unusual: boolean;
}

/** The same repository before anything is in it, and as it is. */
export interface LargeMetadata {
  readonly empty: string;
  readonly full: string;
  /** Paths of the records of `full`. */
  readonly primary: string;
  readonly filelists: string;
  readonly other: string;
}

const filesEach = 12;

/** Writes the records below `folder`/repodata, but no repomd.xml: its two texts are returned. */
export async function makeLargeRepository(folder: string, shape: LargeRepository): Promise<LargeMetadata> {
  mkdirSync(join(folder, 'repodata'), { recursive: true });
  const none = { ...shape, packages: 0, unusual: false };
  const records = async (of: LargeRepository): Promise<readonly WrittenRecord[]> => [
    await written(folder, 'primary', primary(of)),
    await written(folder, 'filelists', filelists(of)),
    await written(folder, 'other', other(of)),
  ];
  const [empty, full] = [await records(none), await records(shape)];
  const path = (type: string): string => full.find((record) => record.type === type)?.path ?? '';
  return {
    empty: repomd(empty),
    full: repomd(full),
    primary: path('primary'),
    filelists: path('filelists'),
    other: path('other'),
  };
}

/** Puts a repomd.xml in its place, whole at any moment. */
export function showRepomd(folder: string, text: string): void {
  const path = join(folder, 'repodata/repomd.xml');
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function* primary(shape: LargeRepository): AsyncGenerator<Buffer> {
  const end = Buffer.from('</metadata>');
  for await (const chunk of generatedPrimary(shape)) {
    const at = shape.unusual ? chunk.lastIndexOf(end) : -1;
    if (at < 0) yield chunk;
    else yield Buffer.concat([chunk.subarray(0, at), Buffer.from('<!-- unusual -->\n'), chunk.subarray(at)]);
  }
}

function* filelists(shape: LargeRepository): Generator<Buffer> {
  yield head('filelists', shape.packages);
  for (const { name, arch, epoch, version, release, sha256 } of generatedPackages(shape)) {
    const files = Array.from({ length: filesEach }, (_, file) => {
      return `  <file>/usr/share/${escapeXml(name)}/part-${file % 5}/file-${file}.so.${file}</file>\n`;
    });
    yield Buffer.from(
      `<package pkgid="${sha256}" name="${escapeXml(name)}" arch="${arch}">\n  <version epoch="${epoch}" ver="${version}" rel="${release}"/>\n${files.join('')}</package>\n`,
    );
  }
  yield Buffer.from('</filelists>\n');
}

function* other(shape: LargeRepository): Generator<Buffer> {
  yield head('other', shape.packages, 'otherdata');
  for (const { name, arch, epoch, version, release, sha256 } of generatedPackages(shape))
    yield Buffer.from(
      `<package pkgid="${sha256}" name="${escapeXml(name)}" arch="${arch}">\n  <version epoch="${epoch}" ver="${version}" rel="${release}"/>\n` +
        `  <changelog author="A Packager &lt;packager@example.com&gt; - ${version}" date="1690000000">- Rebuilt for ${release}</changelog>\n</package>\n`,
    );
  yield Buffer.from('</otherdata>\n');
}

function head(name: string, packages: number, root = name): Buffer {
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://linux.duke.edu/metadata/${name}" packages="${packages}">\n`,
  );
}

interface WrittenRecord {
  readonly type: string;
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly openSha256: string;
  readonly openSize: number;
}

/** Compresses a document into a file that is named by its digest. */
async function written(
  folder: string,
  type: string,
  document: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<WrittenRecord> {
  const temporary = join(folder, 'repodata', `${type}.new`);
  const hash = createHash('sha256');
  let openSize = 0;
  const counted = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      openSize += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(Readable.from(document), counted, createGzip(), createWriteStream(temporary));
  const compressed = createHash('sha256');
  for await (const chunk of createReadStream(temporary)) compressed.update(chunk as Buffer);
  const sha256 = compressed.digest('hex');
  const name = `repodata/${sha256}-${type}.xml.gz`;
  const path = join(folder, name);
  renameSync(temporary, path);
  return { type, name, path, sha256, openSha256: hash.digest('hex'), openSize };
}

function repomd(records: readonly WrittenRecord[]): string {
  const data = records.map(
    ({ type, name, path, sha256, openSha256, openSize }) =>
      `<data type="${type}"><checksum type="sha256">${sha256}</checksum><open-checksum type="sha256">${openSha256}</open-checksum>` +
      `<location href="${name}"/><timestamp>1</timestamp><size>${statSync(path).size}</size><open-size>${openSize}</open-size></data>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>\n${data.join('')}</repomd>\n`;
}
