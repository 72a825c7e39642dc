import { setImmediate } from 'node:timers/promises';
import { type PackageFields, PackageJudge, type PackageWriter } from './package-fields.ts';
import { type XmlElement, XmlReader } from './xml-reader.ts';

export const commonNamespace = 'http://linux.duke.edu/metadata/common';
const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';

/** Bytes read between two turns of the event loop: about 1.5 ms of work. */
const sliceBytes = 64 * 1024;

/**
 * Reads a decompressed primary.xml with saxes: the reference, right for every well-formed document.
 * Elements count by namespace and place: the children of `<metadata><package>`, whatever their prefix or order.
 * The `packages` attribute of the root is not judged: the document is proven by its checksum.
 * @returns the number of packages, servable or not.
 * @throws WaystationError `metadata_invalid`, `metadata_too_large`, or the source's own error.
 */
export async function parsePrimary(source: AsyncIterable<Buffer>, writer: PackageWriter): Promise<number> {
  const judge = new PackageJudge(writer);
  const reading = new PrimaryReading(judge);
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      reading.write(chunk.subarray(start, start + sliceBytes));
      await setImmediate();
    }
  }
  reading.end();
  return judge.packages;
}

/** One package while it is read. `texts` and `counts` are by element name. */
interface OpenPackage {
  readonly texts: Map<string, string>;
  readonly counts: Map<string, number>;
  readonly hrefs: string[];
  version: XmlElement | null;
  checksumType: string;
  size: string | null;
  elsewhere: boolean;
}

const textElements = new Set(['name', 'arch', 'checksum']);

class PrimaryReading {
  readonly #judge: PackageJudge;
  readonly #xml: XmlReader;
  #package: OpenPackage | null = null;
  #uri = '';
  #collecting: string | null = null;

  constructor(judge: PackageJudge) {
    this.#judge = judge;
    this.#xml = new XmlReader(
      { open: (element, depth) => this.#open(element, depth), close: (depth, text) => this.#close(depth, text) },
      { code: 'metadata_invalid', what: 'primary.xml' },
    );
  }

  write(bytes: Buffer): void {
    this.#xml.write(bytes);
  }

  end(): void {
    this.#xml.end();
  }

  #open(element: XmlElement, depth: number): void {
    if (depth === 0) {
      if (element.local !== 'metadata' || (element.uri !== commonNamespace && element.uri !== '')) {
        this.#xml.refuse(`has the root element <${element.name}>, not <metadata>`);
      }
      this.#uri = element.uri;
    } else if (element.uri !== this.#uri) {
      return;
    } else if (depth === 1 && element.local === 'package') {
      this.#package = {
        texts: new Map(),
        counts: new Map(),
        hrefs: [],
        version: null,
        checksumType: '',
        size: null,
        elsewhere: false,
      };
    } else if (depth === 2 && this.#package !== null) {
      this.#openField(this.#package, element);
    }
  }

  #openField(open: OpenPackage, element: XmlElement): void {
    const name = element.local;
    if (textElements.has(name)) {
      this.#collecting = name;
      this.#xml.collectText();
      if (name === 'checksum') open.checksumType = attribute(element, 'type') ?? '';
    } else if (name === 'version') {
      open.version = element;
    } else if (name === 'size') {
      open.size = attribute(element, 'package');
    } else if (name === 'location') {
      // Two are enough to know that the package is not to be served; more would only cost memory.
      if (open.hrefs.length < 2) open.hrefs.push(attribute(element, 'href') ?? '');
      const attributes = Object.values(element.attributes);
      open.elsewhere ||= attributes.some(({ local, uri }) => local === 'base' && uri === xmlNamespace);
    } else {
      return;
    }
    open.counts.set(name, (open.counts.get(name) ?? 0) + 1);
  }

  #close(depth: number, text: string): void {
    if (this.#package === null) return;
    if (this.#collecting !== null) {
      this.#package.texts.set(this.#collecting, text);
      this.#collecting = null;
    } else if (depth === 1) {
      this.#judge.judge(fieldsOf(this.#package));
      this.#package = null;
    }
  }
}

function fieldsOf(open: OpenPackage): PackageFields {
  const once = (name: string): boolean => open.counts.get(name) === 1;
  return {
    name: open.texts.get('name') ?? '',
    arch: open.texts.get('arch') ?? '',
    epoch: (open.version && attribute(open.version, 'epoch')) ?? '',
    version: (open.version && attribute(open.version, 'ver')) ?? '',
    release: (open.version && attribute(open.version, 'rel')) ?? '',
    checksumType: open.checksumType,
    checksum: once('checksum') ? (open.texts.get('checksum') ?? null) : null,
    size: once('size') ? open.size : null,
    hrefs: open.hrefs,
    elsewhere: open.elsewhere,
  };
}

function attribute(element: XmlElement, name: string): string | null {
  return element.attributes[name]?.value ?? null;
}
