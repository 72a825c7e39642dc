import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A yum repository of random files in a folder: metadata is real, the packages are only bytes. */
export function makeRepository(folder: string, sizes: Readonly<Record<string, number>>): void {
  mkdirSync(join(folder, 'Packages'), { recursive: true });
  mkdirSync(join(folder, 'repodata'), { recursive: true });
  const packages = Object.entries(sizes).map(([name, size]) => {
    const bytes = randomBytes(size);
    writeFileSync(join(folder, 'Packages', `${name}.rpm`), bytes);
    return packageElement(name, size, sha256(bytes));
  });
  const open = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">\n${packages.join('')}</metadata>\n`,
  );
  const primary = gzipSync(open);
  const name = `repodata/${sha256(primary)}-primary.xml.gz`;
  writeFileSync(join(folder, name), primary);
  writeFileSync(
    join(folder, 'repodata/repomd.xml'),
    `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary">` +
      `<checksum type="sha256">${sha256(primary)}</checksum><open-checksum type="sha256">${sha256(open)}</open-checksum>` +
      `<location href="${name}"/><timestamp>1</timestamp><size>${primary.length}</size><open-size>${open.length}</open-size></data></repomd>\n`,
  );
}

/** As createrepo_c writes it, but for dependencies. */
function packageElement(name: string, size: number, digest: string): string {
  return `<package type="rpm">
  <name>${name}</name>
  <arch>noarch</arch>
  <version epoch="0" ver="1" rel="1"/>
  <checksum type="sha256" pkgid="YES">${digest}</checksum>
  <summary>s</summary>
  <description>d</description>
  <packager></packager>
  <url></url>
  <time file="1" build="1"/>
  <size package="${size}" installed="${size}" archive="${size}"/>
  <location href="Packages/${name}.rpm"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:vendor></rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>localhost</rpm:buildhost>
    <rpm:sourcerpm>${name}-1-1.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="6077"/>
    <rpm:provides>
      <rpm:entry name="${name}" flags="EQ" epoch="0" ver="1" rel="1"/>
    </rpm:provides>
  </format>
</package>
`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
