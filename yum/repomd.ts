import { algorithms, digestFrom, type Listed } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import { checkHref } from './repository-path.ts';
import { type XmlElement, XmlReader } from './xml-reader.ts';

/** One file that repomd.xml lists. */
export interface RepomdRecord {
  /** `primary`, `filelists`, `primary_zck`, `modules`, …: any word. */
  readonly type: string;
  /** Relative to the repository, checked to be inside it. */
  readonly href: string;
  /** The file as named. */
  readonly listed: Listed;
  /** The file when decompressed; null when repomd.xml does not say both its checksum and its size. */
  readonly open: Listed | null;
  /** The header of a zchunk file, as `zchunkHeader` has it; null when repomd.xml does not say both of it. */
  readonly header: Listed | null;
}

export interface Repomd {
  readonly revision: string | null;
  readonly records: readonly RepomdRecord[];
}

export const maxRepomdBytes = 16 * 1024 * 1024;
const maxRecords = 1000;
const namespace = 'http://linux.duke.edu/metadata/repo';

/**
 * Reads repomd.xml, strictly: what cannot be proven later is refused now.
 * @throws WaystationError `repomd_invalid` with words that an operator understands.
 */
export function parseRepomd(bytes: Buffer): Repomd {
  if (bytes.length > maxRepomdBytes) return invalid(`is larger than ${maxRepomdBytes} bytes`);
  if (/^\s*<(?:!doctype\s+)?html\b/i.test(bytes.toString('latin1', 0, 4096).replace('\u00ef\u00bb\u00bf', ''))) {
    return invalid('looks like an HTML page, not repository metadata');
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return invalid('is compressed: it must be plain XML');
  const reading = new RepomdReading();
  reading.read(bytes);
  refuseContradictions(reading.records);
  return { revision: reading.revision, records: reading.records };
}

/** The children of `<data>` as they stand, before they are judged. */
interface RawRecord {
  readonly type: string;
  readonly texts: Map<string, string>;
  readonly checksumTypes: Map<string, string>;
  readonly hrefs: string[];
}

const textElements = new Set(['checksum', 'open-checksum', 'header-checksum', 'size', 'open-size', 'header-size']);

class RepomdReading {
  readonly records: RepomdRecord[] = [];
  revision: string | null = null;
  #raw: RawRecord | null = null;
  #collecting: string | null = null;
  readonly #xml = new XmlReader(
    { open: (element, depth) => this.#open(element, depth), close: (depth, text) => this.#close(depth, text) },
    { code: 'repomd_invalid', what: 'repomd.xml' },
  );

  read(bytes: Buffer): void {
    this.#xml.readWhole(bytes);
  }

  #open(element: XmlElement, depth: number): void {
    if (depth === 0) {
      if (element.local !== 'repomd' || (element.uri !== namespace && element.uri !== '')) {
        invalid(`has the root element <${element.name}>, not <repomd>`);
      }
    } else if (element.uri !== namespace && element.uri !== '') {
      return;
    } else if (depth === 1) {
      this.#openChild(element);
    } else if (depth === 2 && this.#raw !== null) {
      this.#openField(this.#raw, element);
    }
  }

  #openChild(element: XmlElement): void {
    if (element.local === 'revision') {
      this.#collecting = 'revision';
      this.#xml.collectText();
    } else if (element.local === 'data') {
      const type = attribute(element, 'type');
      if (type === null || type === '') invalid('lists a record without a type');
      this.#raw = { type: type ?? '', texts: new Map(), checksumTypes: new Map(), hrefs: [] };
    }
  }

  #openField(raw: RawRecord, element: XmlElement): void {
    if (element.local === 'location') {
      if (Object.values(element.attributes).some(({ local }) => local === 'base')) {
        invalid(`places its record "${raw.type}" elsewhere (xml:base): records must be inside the repository`);
      }
      raw.hrefs.push(attribute(element, 'href') ?? '');
    } else if (textElements.has(element.local)) {
      if (raw.texts.has(element.local)) invalid(`gives its record "${raw.type}" more than one <${element.local}>`);
      raw.checksumTypes.set(element.local, attribute(element, 'type') ?? '');
      this.#collecting = element.local;
      this.#xml.collectText();
    }
  }

  #close(depth: number, text: string): void {
    const field = this.#collecting;
    if (field !== null) {
      this.#collecting = null;
      if (this.#raw === null) this.revision = text.trim();
      else this.#raw.texts.set(field, text.trim());
    } else if (depth === 1 && this.#raw !== null) {
      if (this.records.length >= maxRecords) invalid(`lists more than ${maxRecords} records`);
      this.records.push(record(this.#raw));
      this.#raw = null;
    }
  }
}

function attribute(element: XmlElement, name: string): string | null {
  return element.attributes[name]?.value ?? null;
}

function record(raw: RawRecord): RepomdRecord {
  const [href] = raw.hrefs;
  if (href === undefined || raw.hrefs.length > 1) return invalid(`must give its record "${raw.type}" one location`);
  const checked = checkHref(href);
  if (!checked.ok) {
    const reason = { escapes: 'leads out of the repository', absolute: 'is absolute', 'too-long': 'is too long' };
    return invalid(`lists "${shown(href)}" as "${raw.type}": that href ${reason[checked.reason]}`);
  }
  if (/^repodata\/repomd\.xml(\.asc|\.key)?$/.test(checked.path)) {
    return invalid(`lists "${checked.path}", which is part of itself, as "${raw.type}"`);
  }
  const listed = file(raw, '');
  if (listed === null) {
    return invalid(`gives its record "${raw.type}" no ${raw.texts.has('checksum') ? 'size' : 'checksum'}`);
  }
  return { type: raw.type, href: checked.path, listed, open: file(raw, 'open-'), header: file(raw, 'header-') };
}

/** Checksum and size together; null when one of them is not given. */
function file(raw: RawRecord, prefix: '' | 'open-' | 'header-'): Listed | null {
  const hex = raw.texts.get(`${prefix}checksum`);
  const size = raw.texts.get(`${prefix}size`);
  if (hex === undefined || size === undefined) return null;
  const type = raw.checksumTypes.get(`${prefix}checksum`) ?? '';
  const digest = digestFrom(type, hex);
  // A header's checksum proves nothing that the record's own does not.
  if (digest === null && prefix === 'header-') return null;
  if (digest === null) {
    return (algorithms as readonly string[]).includes(type.toLowerCase()) || type.toLowerCase() === 'sha'
      ? invalid(`gives its record "${raw.type}" the ${prefix}checksum "${shown(hex)}", which is no ${type} checksum`)
      : invalid(`gives its record "${raw.type}" an ${prefix}checksum of the unknown algorithm "${shown(type)}"`);
  }
  if (!/^\d{1,15}$/.test(size)) {
    return invalid(`gives its record "${raw.type}" the ${prefix}size "${shown(size)}", which is no number`);
  }
  return { digest, size: Number(size) };
}

function refuseContradictions(records: readonly RepomdRecord[]): void {
  const byHref = new Map<string, RepomdRecord>();
  for (const found of records) {
    const other = byHref.get(found.href);
    if (
      other !== undefined &&
      (other.listed.digest !== found.listed.digest || other.listed.size !== found.listed.size)
    ) {
      invalid(`lists "${found.href}" twice, as different files`);
    }
    byHref.set(found.href, found);
  }
  if (records.filter(({ type }) => type === 'primary').length > 1) invalid('lists more than one "primary" record');
}

/** Words of others inside a message: short, and without control characters. */
function shown(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd').slice(0, 200);
}

function invalid(reason: string): never {
  throw new WaystationError('repomd_invalid', `repomd.xml ${reason}`);
}
