import { digestOf } from '../../base/digest.ts';

/** A tree as a compose of Fedora or Enterprise Linux has it. */
export interface TreeRecipe {
  /** href → content, as `[checksums]` lists them. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** Where the repositories of other variants are, relative to the tree. */
  readonly variants: readonly string[];
  /** Default 9.4. */
  readonly version?: string;
}

/** A `.treeinfo` as productmd writes it: the sections and their order, the old ones for old installers included. */
export function treeinfoText({ files, variants, version = '9.4' }: TreeRecipe): string {
  const checksums = Object.entries(files).map(([href, content]) => `${href} = ${digestOf(content)}`);
  const names = variants.map((repository, index) => ({ repository, name: `Variant${index + 1}` }));
  const sections = names.map(
    ({ name, repository }) => `[variant-${name}]
id = ${name}
name = ${name}
packages = ${repository}/Packages
repository = ${repository}
type = variant
uid = ${name}
`,
  );
  return `[checksums]
${checksums.join('\n')}

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
; WARNING.1 = Read productmd documentation for details about new format.
arch = x86_64
family = Example Linux
name = Example Linux ${version}.0
packagedir = Packages
platforms = x86_64,xen
repository = .
timestamp = 1712345678
variant = BaseOS
variants = ${['BaseOS', ...names.map(({ name }) => name)].join(',')}
version = ${version}.0

[header]
type = productmd.treeinfo
version = 1.2

[images-x86_64]
boot.iso = images/boot.iso
efiboot.img = images/efiboot.img
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[images-xen]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[release]
name = Example Linux
short = EL
version = ${version}.0

[stage2]
mainimage = images/install.img

[tree]
arch = x86_64
build_timestamp = 1712345678
platforms = x86_64,xen
variants = ${['BaseOS', ...names.map(({ name }) => name)].join(',')}

[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = Packages
repository = .
type = variant
uid = BaseOS

${sections.join('\n')}`;
}
