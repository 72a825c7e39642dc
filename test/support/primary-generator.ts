/** A primary.xml made from a seed, in the structure that createrepo_c writes; for tests and benchmarks. */
export interface GeneratedPrimary {
  readonly packages: number;
  readonly seed: number;
  /** About how many lines each package has in its `<format>`; 20 gives some 3 KB a package, as real repositories. */
  readonly formatLines?: number;
}

/** One package as the generator made it: what a reader must find. */
export interface GeneratedPackage {
  readonly name: string;
  readonly arch: string;
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
  readonly sha256: string;
  readonly size: number;
  readonly href: string;
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const words = 'lib core server client devel common python3 perl gtk utils data java rust tools doc fonts qt6 kde'.split(
  ' ',
);
const sentences = [
  'Provides the shared libraries needed by programs & plug-ins.',
  'A "fast" tool for <people> who write software; it has no dependencies.',
  'Umgebungsdaten für Übersetzer — größtenteils Text.',
  'This package contains the header files for developing applications that use it.',
];

export function* generatedPackages(options: GeneratedPrimary): Generator<GeneratedPackage> {
  const random = seeded(options.seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const number = (below: number): number => Math.floor(random() * below);
  for (let index = 0; index < options.packages; index++) {
    const name = `${pick(words)}-${pick(words)}-${index}${pick(['', '', '', '+plus', '_x'])}`;
    const version = `${number(20)}.${number(40)}${pick(['', '', '~rc1', '^git1', '.7'])}`;
    const release = `${1 + number(9)}.el9${pick(['', '_4.2'])}`;
    const arch = pick(['x86_64', 'noarch', 'i686']);
    let sha256 = '';
    while (sha256.length < 64) sha256 += (number(0x10000) + 0x10000).toString(16).slice(1);
    const file = `${name}-${version}-${release}.${arch}.rpm`;
    yield {
      name,
      arch,
      epoch: String(pick([0, 0, 0, 1, 2])),
      version,
      release,
      sha256,
      size: 1000 + number(5_000_000),
      href: `Packages/${name[0] ?? ''}/${file}`,
    };
  }
}

/** Escapes text for an element or an attribute in double quotes. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function primaryHead(packages: number): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"' +
    ` packages="${packages}">\n`
  );
}

/** The `<package>` element, as createrepo_c writes it; `lines` dependencies fill its format. */
export function packageElement(made: GeneratedPackage, lines = 0, description = ''): string {
  const dependencies = (count: number): string =>
    Array.from(
      { length: count },
      (_, line) =>
        `      <rpm:entry name="${escapeXml(made.name)}-${line}(x86-64)" flags="GE" epoch="0" ver="${line}.1" rel="${line}.el9"/>\n`,
    ).join('');
  return `<package type="rpm">
  <name>${escapeXml(made.name)}</name>
  <arch>${escapeXml(made.arch)}</arch>
  <version epoch="${made.epoch}" ver="${escapeXml(made.version)}" rel="${escapeXml(made.release)}"/>
  <checksum type="sha256" pkgid="YES">${made.sha256}</checksum>
  <summary>${escapeXml(description.slice(0, 60))}</summary>
  <description>${escapeXml(description)}</description>
  <packager>Example Packagers &lt;packages@example.com&gt;</packager>
  <url>https://example.com/${escapeXml(made.name)}</url>
  <time file="1700000000" build="1690000000"/>
  <size package="${made.size}" installed="${made.size * 3}" archive="${made.size * 3 + 512}"/>
  <location href="${escapeXml(made.href)}"/>
  <format>
    <rpm:license>GPL-2.0-or-later</rpm:license>
    <rpm:vendor/>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>builder.example.com</rpm:buildhost>
    <rpm:sourcerpm>${escapeXml(made.name)}-${escapeXml(made.version)}.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="25000"/>
    <rpm:provides>
${dependencies(Math.ceil(lines / 2))}    </rpm:provides>
    <rpm:requires>
${dependencies(Math.floor(lines / 2))}    </rpm:requires>
    <file>/usr/bin/${escapeXml(made.name)}</file>
  </format>
</package>
`;
}

/** A whole document of such elements; `declared` is its `packages` attribute. */
export function primaryDocument(elements: readonly string[], declared = elements.length): string {
  return `${primaryHead(declared)}${elements.join('')}</metadata>\n`;
}

/** The whole document in chunks of 256 KiB or a little more; never whole in memory. */
export async function* generatedPrimary(options: GeneratedPrimary): AsyncGenerator<Buffer> {
  const random = seeded(options.seed ^ 0x5bd1e995);
  let text = primaryHead(options.packages);
  for (const made of generatedPackages(options)) {
    const sentence = sentences[Math.floor(random() * sentences.length)] ?? '';
    text += packageElement(made, options.formatLines ?? 20, sentence.repeat(1 + Math.floor(random() * 6)));
    if (text.length >= 256 * 1024) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(`${text}</metadata>\n`);
}
