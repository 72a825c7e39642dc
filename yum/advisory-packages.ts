import { setImmediate } from 'node:timers/promises';
import { type XmlElement, XmlReader } from './xml-reader.ts';

/** Bytes read between two turns of the event loop. */
const sliceBytes = 64 * 1024;
/** Names of packages that are kept; large distributions have some 500,000. */
const maxNames = 5_000_000;

/**
 * Reads a decompressed updateinfo.xml: the packages that each advisory names, as `name-version-release.arch`. An advisory
 * without an id is passed over; one that comes twice has the packages of both.
 * @throws WaystationError `metadata_invalid`, `metadata_too_large`, or the source's own error.
 */
export async function advisoryPackages(
  source: AsyncIterable<Buffer>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const reading = new Reading();
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      reading.xml.write(chunk.subarray(start, start + sliceBytes));
      await setImmediate();
    }
  }
  reading.xml.end();
  return reading.advisories;
}

class Reading {
  readonly advisories = new Map<string, Set<string>>();
  #names = 0;
  #id = '';
  #packages: string[] = [];
  #inId = false;
  readonly xml: XmlReader = new XmlReader(
    { open: (element, depth) => this.#open(element, depth), close: (depth, text) => this.#close(depth, text) },
    { code: 'metadata_invalid', what: 'updateinfo.xml' },
  );

  #open(element: XmlElement, depth: number): void {
    if (depth === 0 && element.local !== 'updates') this.xml.refuse(`has the root element <${element.name}>`);
    if (depth === 1) [this.#id, this.#packages] = ['', []];
    if (depth === 2 && element.local === 'id') {
      this.#inId = true;
      this.xml.collectText();
    }
    if (depth < 4 || element.local !== 'package') return;
    const [name, version, release, arch] = ['name', 'version', 'release', 'arch'].map(
      (attribute) => element.attributes[attribute]?.value ?? '',
    );
    this.#names += 1;
    if (this.#names > maxNames) this.xml.refuse(`names more than ${maxNames} packages`);
    this.#packages.push(Buffer.from(`${name}-${version}-${release}.${arch}`).toString());
  }

  #close(depth: number, text: string): void {
    if (this.#inId) {
      this.#inId = false;
      this.#id = Buffer.from(text.trim()).toString();
    }
    if (depth !== 1 || this.#id === '') return;
    const known = this.advisories.get(this.#id) ?? new Set();
    for (const name of this.#packages) known.add(name);
    this.advisories.set(this.#id, known);
  }
}
