import { type Algorithm, algorithmOf, type Digest, digestFrom } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import { maxMirrorListBytes, maxMirrors, type MirrorList, mirrorUrl } from './mirror-url.ts';
import { type XmlElement, XmlReader } from './xml-reader.ts';

export interface Metalink extends MirrorList {
  /** The repomd.xml that may be served: the current one first, then its alternates. Never empty. */
  readonly hashes: readonly Digest[];
}

/**
 * Reads a metalink 3.0 document as mirror managers write it: the mirrors of `repodata/repomd.xml` by falling
 * preference, its checksum, and those of earlier versions (`mm0:alternates`) that slow mirrors still have.
 * Of several checksums of one version the strongest counts alone: a weaker one proves less.
 * @throws WaystationError `mirror_list_invalid` for what is no metalink, or has no usable mirror or checksum.
 */
export function parseMetalink(bytes: Buffer): Metalink {
  if (bytes.length > maxMirrorListBytes) return invalid(`is larger than ${maxMirrorListBytes} bytes`);
  const reading = new MetalinkReading();
  reading.read(bytes);
  const hashes = [...new Set(reading.versions.flatMap((found) => strongest(found) ?? []))];
  if (!reading.fileSeen) return invalid('is not about repomd.xml');
  if (hashes.length === 0) return invalid('has no checksum of repomd.xml that is known here');
  const byPreference = reading.mirrors.toSorted((a, b) => b.preference - a.preference);
  const urls = [...new Set(byPreference.flatMap(({ url }) => mirrorUrl(url) ?? []))];
  if (urls.length === 0) return invalid('has no http or https mirror');
  return { urls, hashes };
}

const file = 'metalink/files/file';
const interesting = new Map<string, 'url' | 'hash' | 'version'>([
  [`${file}/resources/url`, 'url'],
  [`${file}/verification`, 'version'],
  [`${file}/verification/hash`, 'hash'],
  [`${file}/alternates/alternate/verification`, 'version'],
  [`${file}/alternates/alternate/verification/hash`, 'hash'],
]);

class MetalinkReading {
  readonly mirrors: { readonly url: string; readonly preference: number }[] = [];
  /** The checksums of each version, the current one first. */
  readonly versions: Digest[][] = [];
  fileSeen = false;
  #inFile = false;
  readonly #path: string[] = [];
  #collecting: { readonly what: 'url' | 'hash'; readonly attribute: string } | null = null;
  readonly #xml = new XmlReader(
    { open: (element, depth) => this.#open(element, depth), close: (depth, text) => this.#close(depth, text) },
    { code: 'mirror_list_invalid', what: 'the metalink' },
  );

  read(bytes: Buffer): void {
    this.#xml.readWhole(bytes);
  }

  #open(element: XmlElement, depth: number): void {
    // Local names only: servers differ in the namespaces of what stands inside `mm0:alternates`.
    this.#path[depth] = element.local;
    this.#path.length = depth + 1;
    const path = this.#path.join('/');
    if (depth === 0 && path !== 'metalink') invalid(`has the root element <${element.name}>, not <metalink>`);
    if (path === file) {
      this.#inFile = element.attributes['name']?.value === 'repomd.xml';
      this.fileSeen ||= this.#inFile;
    }
    const what = this.#inFile ? interesting.get(path) : undefined;
    if (what === 'version') {
      this.versions.push([]);
    } else if (what !== undefined) {
      const attribute = element.attributes[what === 'url' ? 'preference' : 'type']?.value ?? '';
      this.#collecting = { what, attribute };
      this.#xml.collectText();
    }
  }

  #close(depth: number, text: string): void {
    if (depth === 2) this.#inFile = false;
    const collected = this.#collecting;
    if (collected === null) return;
    this.#collecting = null;
    if (collected.what === 'url') {
      if (this.mirrors.length < maxMirrors)
        this.mirrors.push({ url: text, preference: Number(collected.attribute) || 0 });
    } else {
      // Metalinks write `sha-256` or `sha256`.
      const digest = digestFrom(collected.attribute.replace('-', ''), text);
      if (digest !== null) this.versions.at(-1)?.push(digest);
    }
  }
}

const byStrength = ['sha512', 'sha384', 'sha256', 'sha224', 'sha1', 'md5'] as const satisfies Algorithm[];

function strongest(digests: readonly Digest[]): Digest | null {
  const [best] = digests.toSorted((a, b) => byStrength.indexOf(algorithmOf(a)) - byStrength.indexOf(algorithmOf(b)));
  return best ?? null;
}

function invalid(reason: string): never {
  throw new WaystationError('mirror_list_invalid', `the metalink ${reason}`);
}
