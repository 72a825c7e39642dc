import { setImmediate } from 'node:timers/promises';
import { type XmlElement, XmlReader } from './xml-reader.ts';

/** Bytes read between two turns of the event loop. */
const sliceBytes = 64 * 1024;
/** Names that are kept; large distributions have some 100,000. */
const maxNames = 1_000_000;

/**
 * Reads a decompressed updateinfo.xml: the names of the files (`name-version-release.arch.rpm`) that its security
 * advisories name, both as written and as made of name, version, release and architecture. At most 1,000,000 of them.
 * @throws WaystationError `metadata_invalid`, `metadata_too_large`, or the source's own error.
 */
export async function securityFiles(source: AsyncIterable<Buffer>): Promise<ReadonlySet<string>> {
  const reading = new AdvisoryReading();
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      reading.write(chunk.subarray(start, start + sliceBytes));
      await setImmediate();
    }
  }
  reading.end();
  return reading.files;
}

class AdvisoryReading {
  readonly files = new Set<string>();
  /** The advisory that is being read is about security. */
  #security = false;
  #collecting = false;
  readonly #xml = new XmlReader(
    { open: (element, depth) => this.#open(element, depth), close: (_, text) => this.#close(text) },
    { code: 'metadata_invalid', what: 'updateinfo.xml' },
  );

  write(bytes: Buffer): void {
    this.#xml.write(bytes);
  }

  end(): void {
    this.#xml.end();
  }

  #open(element: XmlElement, depth: number): void {
    if (depth === 0 && element.local !== 'updates') this.#xml.refuse(`has the root element <${element.name}>`);
    if (depth === 1) this.#security = element.local === 'update' && attribute(element, 'type') === 'security';
    if (!this.#security || depth < 4) return;
    if (element.local === 'package') this.#add(fileOf(element));
    else if (element.local === 'filename') {
      this.#collecting = true;
      this.#xml.collectText();
    }
  }

  #close(text: string): void {
    if (!this.#collecting) return;
    this.#collecting = false;
    // Some name a path.
    this.#add(text.trim().replace(/^.*\//s, ''));
  }

  #add(file: string): void {
    if (file !== '' && this.files.size < maxNames) this.files.add(file);
  }
}

function fileOf(element: XmlElement): string {
  const [name, version, release, arch] = ['name', 'version', 'release', 'arch'].map((key) => attribute(element, key));
  return name && version && release && arch ? `${name}-${version}-${release}.${arch}.rpm` : '';
}

function attribute(element: XmlElement, name: string): string | null {
  return element.attributes[name]?.value ?? null;
}
