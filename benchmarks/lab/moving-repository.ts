import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { seededRandom } from './seeded-trace.ts';

/** Share of the names that get a new version by a change. */
const changing = 1 / 3;

interface Package {
  readonly href: string;
  readonly element: string;
}

/** A repository in a folder that changes: metadata is real, packages are only bytes; all of it follows from the seed. */
export class MovingRepository {
  readonly #folder: string;
  readonly #random: () => number;
  readonly #packages: Package[] = [];
  readonly #versions: number[];
  #repomd = '';

  constructor(folder: string, of: { readonly names: number; readonly seed: number }) {
    this.#folder = folder;
    this.#random = seededRandom(of.seed);
    this.#versions = Array.from({ length: of.names }, () => 1);
    mkdirSync(join(folder, 'Packages'), { recursive: true });
    mkdirSync(join(folder, 'repodata'), { recursive: true });
    for (let name = 0; name < of.names; name += 1) this.#add(name);
    this.#publish();
  }

  /** `sha256:…` of its repomd.xml. */
  get repomdDigest(): string {
    return `sha256:${this.#repomd}`;
  }

  /** The newest package of a name. */
  hrefOf(name: number): string {
    return hrefOf(name, this.#versions[name] ?? 1);
  }

  /** A third of the names get a new version beside the old ones. */
  change(): void {
    for (let name = 0; name < this.#versions.length; name += 1) {
      if (this.#random() >= changing) continue;
      this.#versions[name] = (this.#versions[name] ?? 0) + 1;
      this.#add(name);
    }
    this.#publish();
  }

  #add(name: number): void {
    const version = this.#versions[name] ?? 1;
    const href = hrefOf(name, version);
    const bytes = Buffer.alloc(2_000 + Math.floor(this.#random() ** 3 * 120_000), `${href} `);
    writeFileSync(join(this.#folder, href), bytes);
    const element =
      `<package type="rpm"><name>package${name}</name><arch>noarch</arch><version epoch="0" ver="${version}" rel="1"/>` +
      `<checksum type="sha256" pkgid="YES">${sha256(bytes)}</checksum><summary/><description/><packager/><url/>` +
      `<time file="1" build="1"/><size package="${bytes.length}" installed="1" archive="1"/><location href="${href}"/><format/></package>\n`;
    this.#packages.push({ href, element });
  }

  #publish(): void {
    const open = Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${this.#packages.length}">\n${this.#packages.map(({ element }) => element).join('')}</metadata>\n`,
    );
    const primary = gzipSync(open);
    const name = `repodata/${sha256(primary)}-primary.xml.gz`;
    writeFileSync(join(this.#folder, name), primary);
    const repomd = Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary">` +
        `<checksum type="sha256">${sha256(primary)}</checksum><open-checksum type="sha256">${sha256(open)}</open-checksum>` +
        `<location href="${name}"/><timestamp>1</timestamp><size>${primary.length}</size><open-size>${open.length}</open-size></data></repomd>\n`,
    );
    this.#repomd = sha256(repomd);
    // In one step, for the origin's server reads it any time.
    writeFileSync(join(this.#folder, 'repodata/.repomd.xml'), repomd);
    renameSync(join(this.#folder, 'repodata/.repomd.xml'), join(this.#folder, 'repodata/repomd.xml'));
  }
}

function hrefOf(name: number, version: number): string {
  return `Packages/package${name}-${version}-1.noarch.rpm`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
