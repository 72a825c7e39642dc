import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../../base/digest.ts';

/** One record file of a repository made by hand. */
export interface HandMadeRecord {
  readonly type: string;
  readonly href: string;
  readonly bytes: Buffer;
  /** Decompressed. */
  readonly open: Buffer;
}

export interface HandMadeRepository {
  readonly repomd: Buffer;
  readonly records: readonly HandMadeRecord[];
}

/** Where a repository's files are put, such as an origin. */
export interface FilePlace {
  put(path: string, bytes: Buffer): void;
}

export interface Recipe {
  /** href → content of each package. */
  readonly packages: Readonly<Record<string, string>>;
  /** `primary.xml.gz` instead of `<checksum>-primary.xml.gz`. */
  readonly simpleNames?: boolean;
  /** Default: primary and filelists. */
  readonly types?: readonly string[];
  /** Further records by type, with their text: `modules`, `updateinfo`. */
  readonly texts?: Readonly<Record<string, string>>;
  /** By which its packages are listed; default: sha256. */
  readonly checksum?: 'sha256' | 'sha1';
  /** What a package is; default: its name up to a dash, version 1-1, noarch. */
  readonly nevra?: (href: string) => PackageNevra;
}

export interface PackageNevra {
  readonly name: string;
  readonly version: string;
  readonly release?: string;
  readonly arch?: string;
}

/** Takes a package for what its file's name says: `name-version-release.arch.rpm`. */
export function nevraOfFile(href: string): PackageNevra {
  const [, name = href, version = '1', release = '1', arch = 'noarch'] =
    /([^/]+)-([^-/]+)-([^-/]+)\.([^./]+)\.rpm$/.exec(href) ?? [];
  return { name, version, release, arch };
}

/** A small repository without tools: for reading it, not for installing from it. */
export function handMadeRepository(recipe: Recipe): HandMadeRepository {
  const { types = ['primary', 'filelists'], texts = {} } = recipe;
  const records = [...types, ...Object.keys(texts)].map((type): HandMadeRecord => {
    const text = texts[type] ?? `<${type}>${JSON.stringify(recipe)}</${type}>`;
    const open = Buffer.from(type === 'primary' ? primaryXml(recipe) : text);
    const bytes = gzipSync(open);
    const prefix = recipe.simpleNames ? '' : `${hexOf(digestOf(bytes))}-`;
    return { type, href: `repodata/${prefix}${type}.xml.gz`, bytes, open };
  });
  return { repomd: Buffer.from(repomdXml(records)), records };
}

/** Puts every file of a repository below `folder`, repomd.xml last. */
export function putRepository(place: FilePlace, folder: string, recipe: Recipe): HandMadeRepository {
  const made = handMadeRepository(recipe);
  for (const { href, bytes } of made.records) place.put(`${folder}/${href}`, bytes);
  for (const [href, content] of Object.entries(recipe.packages)) place.put(`${folder}/${href}`, Buffer.from(content));
  place.put(`${folder}/repodata/repomd.xml`, made.repomd);
  return made;
}

function repomdXml(records: readonly HandMadeRecord[]): string {
  const data = records.map(
    ({ type, href, bytes, open }) => `<data type="${type}">
  <checksum type="sha256">${hexOf(digestOf(bytes))}</checksum><open-checksum type="sha256">${hexOf(digestOf(open))}</open-checksum>
  <location href="${href}"/><timestamp>1</timestamp><size>${bytes.length}</size><open-size>${open.length}</open-size>
</data>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
${data.join('\n')}
</repomd>
`;
}

function primaryXml({ packages, checksum = 'sha256', nevra = nevraOfStart }: Recipe): string {
  const elements = Object.entries(packages).map(([href, content]) => {
    const { name, version, release = '1', arch = 'noarch' } = nevra(href);
    return `<package type="rpm"><name>${name}</name><arch>${arch}</arch>
<version epoch="0" ver="${version}" rel="${release}"/><checksum type="${checksum}" pkgid="YES">${hexOf(digestOf(content, checksum))}</checksum>
<summary/><description/><packager/><url/><time file="1" build="1"/>
<size package="${Buffer.byteLength(content)}" installed="1" archive="1"/><location href="${href}"/>
<format><rpm:license>MIT</rpm:license></format></package>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${elements.length}">
${elements.join('\n')}
</metadata>
`;
}

function nevraOfStart(href: string): PackageNevra {
  return { name: href.replace(/.*\//, '').replace(/-.*/, ''), version: '1' };
}
