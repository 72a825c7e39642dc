import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../../base/digest.ts';
import type { FilePlace } from './hand-made-repository.ts';

/** One `<package>` element, for what no tool writes. */
export function packageElement(href: string, content: string): string {
  return `<package type="rpm"><name>p</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">${hexOf(digestOf(content))}</checksum>
<size package="${Buffer.byteLength(content)}" installed="1" archive="1"/><location href="${href}"/><format/></package>`;
}

export function primaryOf(...elements: readonly string[]): string {
  return `<?xml version="1.0"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" packages="${elements.length}">\n${elements.join('\n')}\n</metadata>\n`;
}

/** What repomd.xml shall say of the primary, where it shall not be the truth. */
export interface Claims {
  readonly openSize?: number;
}

/** Publishes a primary under `folder`: as text, or packed already. */
export function putPrimary(place: FilePlace, folder: string, primary: string | Buffer, claims: Claims = {}): void {
  const packed = typeof primary === 'string' ? gzipSync(primary) : primary;
  const open =
    typeof primary === 'string'
      ? `<open-checksum type="sha256">${hexOf(digestOf(primary))}</open-checksum><open-size>${Buffer.byteLength(primary)}</open-size>`
      : `<open-size>${claims.openSize ?? 0}</open-size>`;
  const digest = hexOf(digestOf(packed));
  const href = `repodata/${digest}-primary.xml.gz`;
  place.put(`${folder}/${href}`, packed);
  place.put(
    `${folder}/repodata/repomd.xml`,
    Buffer.from(`<?xml version="1.0"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary">
<checksum type="sha256">${digest}</checksum>${open}<location href="${href}"/><size>${packed.length}</size>
</data></repomd>\n`),
  );
}
