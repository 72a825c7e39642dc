import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { generatedPackages, packageElement, primaryHead } from '../../test/support/primary-generator.ts';
import type { GeneratedPackage } from '../../test/support/primary-generator.ts';

/**
 * A repository made from a seed, with metadata as large as that of a real one and tiny packages, of which a share is
 * replaced by another version each week.
 */
export class WeeklyRepository {
  readonly #folder: string;
  readonly #packages: { readonly made: GeneratedPackage; week: number }[];

  /** Writes the first week below a folder. */
  constructor(folder: string, of: { readonly packages: number; readonly seed: number }) {
    this.#folder = folder;
    this.#packages = [...generatedPackages(of)].map((made) => ({ made, week: 1 }));
    const folders = new Set(this.#packages.map(({ made }) => made.href.slice(0, made.href.lastIndexOf('/'))));
    for (const each of [...folders, 'repodata']) mkdirSync(join(folder, each), { recursive: true });
    for (const { made } of this.#packages) writeFileSync(join(folder, hrefOf(made, 1)), contentOf(made, 1));
    this.#publish();
  }

  /** Replaces every package whose number is a multiple of `every`. @returns how many. */
  change(every: number): number {
    let changed = 0;
    for (const [number, each] of this.#packages.entries()) {
      if (number % every !== 0) continue;
      rmSync(join(this.#folder, hrefOf(each.made, each.week)));
      each.week += 1;
      writeFileSync(join(this.#folder, hrefOf(each.made, each.week)), contentOf(each.made, each.week));
      changed += 1;
    }
    this.#publish();
    return changed;
  }

  #publish(): void {
    const elements = this.#packages.map(({ made, week }) => {
      const content = contentOf(made, week);
      const [size, release] = [content.length, `${made.release}.${week}`];
      return packageElement(
        { ...made, release, sha256: sha256(content), size, href: hrefOf(made, week) },
        20,
        made.name,
      );
    });
    const open = Buffer.from(`${primaryHead(elements.length)}${elements.join('')}</metadata>\n`);
    const bytes = gzipSync(open);
    const name = `repodata/${sha256(bytes)}-primary.xml.gz`;
    writeFileSync(join(this.#folder, name), bytes);
    const repomd =
      `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary">` +
      `<checksum type="sha256">${sha256(bytes)}</checksum><open-checksum type="sha256">${sha256(open)}</open-checksum>` +
      `<location href="${name}"/><timestamp>1</timestamp><size>${bytes.length}</size><open-size>${open.length}</open-size></data></repomd>\n`;
    writeFileSync(join(this.#folder, 'repodata/.repomd.xml'), repomd);
    renameSync(join(this.#folder, 'repodata/.repomd.xml'), join(this.#folder, 'repodata/repomd.xml'));
  }
}

function hrefOf({ href }: GeneratedPackage, week: number): string {
  return href.replace(/\.rpm$/, `.${week}.rpm`);
}

function contentOf({ name }: GeneratedPackage, week: number): Buffer {
  return Buffer.from(`${name} of week ${week}\n`.repeat(8));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
